import { readFile } from 'node:fs/promises';

/** The id of the machine that this process runs on; null where systems have none. */
export async function readMachineId(): Promise<string | null> {
  const text = await readFile('/etc/machine-id', 'utf8').catch(() => '');
  return text.trim() || null;
}
