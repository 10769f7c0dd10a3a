import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTestDatabase } from '../../support/database';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/free-port';

const MAIN = path.join(__dirname, '../../../dist/api/http/main.js');

/** Starts the API's process, stops it once it answers, and gives what it logged. */
async function logOfALife(level: string): Promise<string> {
  const database = await createTestDatabase();
  const home = mkdtempSync(path.join(tmpdir(), 'holdfast-api-'));
  const port = await freePort();
  const env = {
    HOLDFAST_HOME: home,
    HOLDFAST_INSTALL_ID: 'test0123',
    HOLDFAST_LOG_LEVEL: level,
    HOLDFAST_PORT: String(port),
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
  const child = spawn(process.execPath, [MAIN], { env });
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const closed = once(child, 'close');
  try {
    const answers = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually(async () => child.exitCode !== null || (await answers()), { limitMs: 30_000 });
  } finally {
    child.kill('SIGTERM');
    await closed;
    await database.drop();
    rmSync(home, { recursive: true });
  }
  expect([child.exitCode, log]).toEqual([0, log]);
  return log;
}

test('the process of the API logs what HOLDFAST_LOG_LEVEL asks for', async () => {
  expect(await logOfALife('info')).toContain('"listening"');
  expect(await logOfALife('error')).toBe('');
});
