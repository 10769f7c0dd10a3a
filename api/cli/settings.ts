import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

export interface CliSettings {
  readonly url: string;
  readonly token: string | null;
  /** Where the token stood: `HOLDFAST_TOKEN` or a file; null when there is none. */
  readonly tokenSource: string | null;
  /**
   * Folder of the CA certificates of clusters. That of the installation when the API is its own, so that two of them
   * share nothing and `npm run down` takes it away; else one in the user's cache.
   */
  readonly caFolder: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8080';

/**
 * Where the API is and with which token: option before environment (`HOLDFAST_URL`, `HOLDFAST_TOKEN`) before the files
 * `url` and `token` of an installation's home. That is looked for in `HOLDFAST_HOME`, in `.holdfast` from the working
 * folder upwards, and next to the project.
 */
export function readSettings(option: string | undefined, environment: NodeJS.ProcessEnv = process.env): CliSettings {
  const ownToken = environment['HOLDFAST_TOKEN'] || null;
  const home = findHome(environment['HOLDFAST_HOME']);
  const homeUrl = home === null ? null : readUrl(path.join(home, 'url'), ownToken !== null);
  const tokenFile = home === null ? null : path.join(home, 'token');
  const fileToken = tokenFile === null ? null : readText(tokenFile);
  const url = withoutSlash(option ?? (environment['HOLDFAST_URL'] || null) ?? homeUrl ?? DEFAULT_URL);
  const cache = environment['XDG_CACHE_HOME'] || path.join(homedir(), '.cache');
  return {
    url,
    token: ownToken ?? fileToken,
    tokenSource: ownToken !== null ? 'HOLDFAST_TOKEN' : fileToken !== null ? tokenFile : null,
    caFolder: home !== null && url === homeUrl ? path.join(home, 'ca') : path.join(cache, 'holdfast', 'ca'),
  };
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

/** Token and URL are taken from one folder: a token never goes to the API of another installation. */
export function findHome(named: string | undefined): string | null {
  const folders = [...(named ? [path.resolve(named)] : []), ...upwards(process.cwd()), ...upwards(__dirname)];
  return folders.find((folder) => ['token', 'url'].some((file) => readText(path.join(folder, file)) !== null)) ?? null;
}

function upwards(from: string): string[] {
  const above = path.dirname(from);
  return [path.join(from, '.holdfast'), ...(above === from ? [] : upwards(above))];
}

/** A token of the environment is not sent to where a file of someone else says: anyone can put one in a shared folder. */
function readUrl(file: string, mustBeMine: boolean): string | null {
  const text = readText(file);
  if (text === null || (mustBeMine && statSync(file).uid !== process.getuid?.())) return null;
  return withoutSlash(text);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null;
  } catch {
    return null; // Not there, or not ours to read: the next place may have one.
  }
}
