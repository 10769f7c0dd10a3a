import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFenceCommand } from '../../../../activities/cloud/static/fence-command';

/** What an operator's command is told, and what becomes of one that fails. On real machines: test/system/static/cluster.test.ts. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-fence-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const machine = { name: 'rack1-a', ssh: { host: '192.0.2.11', port: 22, user: 'ops' } };

function script(body: string): string {
  const file = join(folder, 'fence');
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return `${file} --board 'ipmi one'`;
}

test('it is told what to do, with which machine, behind its own arguments', async () => {
  const command = createFenceCommand(script(`printf '%s|' "$@" >>${folder}/asked`));
  await command.off(machine);
  await command.on(machine);
  const told = (verb: string): string => `--board|ipmi one|${verb}|rack1-a|192.0.2.11|`;
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe(told('off') + told('on'));
});

test.each([
  ['fails', 'echo the password is canary; echo canary >&2; exit 3', 'it ended with exit code 3'],
  ['hangs', 'sleep 60', 'it did not end within 0.5 s'],
])('one that %s has not switched it off, and may be tried again', async (_what, body, why) => {
  const failure = createFenceCommand(script(body), 500).off(machine);
  await expect(failure).rejects.toMatchObject({
    code: 'CLOUD_UNAVAILABLE',
    retryable: true,
    message: `The cloud static does not answer: the fence command did not switch rack1-a off: ${why}.`,
  });
  const error: unknown = await failure.catch((caught: unknown) => caught);
  expect(error instanceof Error && `${error.message} ${JSON.stringify(error)}`).not.toContain('canary');
});
