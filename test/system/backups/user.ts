import { z } from 'zod';
import type { BackupAnswer } from '../../../domain/schemas/backups';
import { backupSchema, restoreWindowSchema } from '../../../domain/schemas/backups';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { operationSchema } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../support/endpoint';
import type { Writer } from '../support/ledger';

/** Backups and restores as a user asks for them, and the ledger by which what comes back is judged. */

/** Slow enough for the API, which counts requests. */
const POLL = { everyMs: 500, limitMs: 180_000 };

export async function backupsOf(holdfast: Holdfast, cluster: string): Promise<BackupAnswer[]> {
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/backups`);
  return z.object({ items: z.array(backupSchema) }).parse(body).items;
}

/** @throws Error with the problem when it is refused. */
export async function ask(holdfast: Holdfast, method: string, path: string, body: object): Promise<OperationAnswer> {
  const answer = await holdfast.api(method, path, body);
  if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return operationSchema.parse(answer.body);
}

export const takeBackup = (holdfast: Holdfast, cluster: string, request: object): Promise<OperationAnswer> =>
  ask(holdfast, 'POST', `/v1/clusters/${cluster}/backups`, request);

/** Restores into a new cluster, and waits for it. */
export async function restoreTo(
  holdfast: Holdfast,
  cluster: string,
  request: { readonly name: string },
): Promise<void> {
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/restores`, request);
  await holdfast.succeed(id);
}

export async function remove(holdfast: Holdfast, cluster: string): Promise<OperationAnswer> {
  const { id } = await ask(holdfast, 'DELETE', `/v1/clusters/${cluster}?confirm=${cluster}`, {});
  return holdfast.succeed(id);
}

/** The first backup of a new cluster, which nobody asked for. */
export function firstBackup(holdfast: Holdfast, cluster: string): Promise<BackupAnswer> {
  return eventually(async () => (await backupsOf(holdfast, cluster)).find(({ state }) => state === 'succeeded'), POLL);
}

/** The window once it reaches past a time: that much of the log is archived a minute later at most. */
export function windowAfter(
  holdfast: Holdfast,
  cluster: string,
  time: number,
): Promise<{ readonly earliest: string; readonly latest: string }> {
  return eventually(async () => {
    const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/restores/window`);
    const { earliest, latest } = restoreWindowSchema.parse(body);
    return earliest !== null && latest !== null && Date.parse(latest) > time && { earliest, latest };
  }, POLL);
}

/** What is wrong with the ledger of a cluster that was restored to a time; nothing, if all is well. */
export async function judgeLedger(holdfast: Holdfast, name: string, writer: Writer, timeMs: number): Promise<object> {
  const config = login(await holdfast.credentials(name), 'primaryPort');
  const rows = await query<{ number: number }>(config, 'select number from ledger');
  const restored = new Set(rows.map(({ number }) => number));
  const before = writer.attempts.filter(({ outcome, endedAt }) => outcome === 'acknowledged' && endedAt < timeMs);
  const after = writer.attempts.filter(({ beganAt }) => beganAt > timeMs);
  return {
    lost: before.filter(({ number }) => !restored.has(number)),
    fromTheFuture: after.filter(({ number }) => restored.has(number)),
    judged: before.length > 0 && after.length > 0,
  };
}

export const FLAWLESS = { lost: [], fromTheFuture: [], judged: true } as const;
