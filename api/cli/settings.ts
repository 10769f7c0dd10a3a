import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface CliSettings {
  readonly url: string;
  readonly token: string | null;
}

/**
 * Where the API is and with which token: option before environment (`HOLDFAST_URL`, `HOLDFAST_TOKEN`) before
 * `.holdfast/token`, looked for in `HOLDFAST_HOME`, from the working folder upwards, and next to the project.
 */
export function readSettings(option: string | undefined, environment: NodeJS.ProcessEnv = process.env): CliSettings {
  const url = option ?? environment['HOLDFAST_URL'] ?? 'http://127.0.0.1:8080';
  return {
    url: url.replace(/\/+$/, ''),
    token: environment['HOLDFAST_TOKEN'] ?? findToken(environment['HOLDFAST_HOME']),
  };
}

function findToken(home: string | undefined): string | null {
  const folders = [...(home === undefined ? [] : [home]), ...upwards(process.cwd()), ...upwards(__dirname)];
  for (const folder of folders) {
    const token = readToken(path.join(folder, 'token'));
    if (token !== null) return token;
  }
  return null;
}

function upwards(from: string): string[] {
  const above = path.dirname(from);
  return [path.join(from, '.holdfast'), ...(above === from ? [] : upwards(above))];
}

function readToken(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null;
  } catch {
    return null; // Not there, or not ours to read: the next place may have one.
  }
}
