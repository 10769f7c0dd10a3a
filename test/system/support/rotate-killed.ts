import { createInventory } from '../../../activities/inventory/open';
import { rotateMasterKey } from '../../../activities/secrets/rotate';

/**
 * A rotation that is killed like by power loss: `node rotate-killed.js HOME AFTER` with DATABASE_URL, where AFTER is how
 * many things it gets done. Prints each. Exit code 0 when it came to its end before that.
 */
async function main([home = '', after = '']: readonly string[]): Promise<void> {
  const inventory = createInventory(process.env['DATABASE_URL'] ?? '', { connections: 2 });
  let done = 0;
  const onProgress = (what: string): void => {
    process.stdout.write(`${what}\n`);
    if (++done === Number(after)) process.kill(process.pid, 'SIGKILL');
  };
  await rotateMasterKey({ home, command: null, database: inventory.database, batch: 2, onProgress });
  await inventory.close();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
