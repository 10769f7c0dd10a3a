import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startTestApi, type TestApi } from './api';
import { commandIn, type TestCommand } from './command';

/** Somebody who has the command in a folder of their own, with a token of all scopes. */
export interface LoggedIn extends TestCommand {
  readonly token: string;
  /** Where the command is called; also their home. */
  readonly folder: string;
  readonly logOut: () => void;
}

export async function logIn(api: TestApi): Promise<LoggedIn> {
  const token = await api.token();
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-user-'));
  const command = commandIn(folder, { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: token });
  return { ...command, token, folder, logOut: () => rmSync(folder, { recursive: true }) };
}

/** Somebody who has an API for themselves, too. */
export interface TestUser extends LoggedIn {
  readonly api: TestApi;
  readonly stop: () => Promise<void>;
}

export async function startTestUser(): Promise<TestUser> {
  const api = await startTestApi();
  const user = await logIn(api);
  const stop = async (): Promise<void> => {
    await api.stop();
    user.logOut();
  };
  return { ...user, api, stop };
}
