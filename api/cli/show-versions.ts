import { packageVersion } from '../package-version';
import { readApiVersion } from './client';
import { print, say } from './output';
import type { CliSettings } from './settings';

/** Whoever only wants to know which release this is does not wait for an API that hangs. */
const PATIENCE_MS = 2_000;

/** `--version`: of this command on stdout, and of the API if it answers. */
export async function showVersions(settings: CliSettings): Promise<void> {
  const own = packageVersion();
  print(`holdfast ${own}`);
  const api = await readApiVersion(settings, AbortSignal.timeout(PATIENCE_MS)).catch(() => null);
  if (api === null) return say(`The API at ${settings.url} does not answer.`);
  print(`API ${api} at ${settings.url}`);
  if (api !== own) say('They are of different releases: use the command of the clone that the API runs from.');
}
