import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fleet } from '../../../../activities/fleet';
import { reachableNode } from '../../../../activities/fleet';
import type { Host } from '../../../../activities/host/host';
import { beginAnew } from '../../../../activities/pgbackrest/begin-anew';
import { dataDirectory } from '../../../../activities/postgres/paths';
import { stepIn, viewOf } from '../../../support/view';

/** What is done on a host whose restore was cut off. That it comes to a good end: test/backups. */

const AT = stepIn('cluster', 'restore');

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-anew-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** The script that runs on the host, behind its fence. */
async function stopOf(view: ReturnType<typeof viewOf>): Promise<string> {
  const commands = new Map<string, string>();
  const run: Host['run'] = (command, { title = '' } = {}) => {
    commands.set(title, command);
    return Promise.resolve('');
  };
  const host: Host = { label: 'orders/pg-1', run, putFiles: () => Promise.resolve([]) };
  // Nothing else of a fleet is asked for.
  const fleet = { ssh: { host: () => host } } as unknown as Fleet;
  await beginAnew(fleet, AT, view, [reachableNode(view, 'pg-1')]);
  return commands.get('throw away half a restore')?.replace(/^[^]* &&\n(?=sh -c )/, '') ?? '';
}

test.each([0, 1])(
  'what a run of Patroni has left behind is ended before the data is thrown away, if there is any (%d)',
  async (code) => {
    const view = viewOf('sandbox');
    const data = join(folder, 'main');
    mkdirSync(data);
    writeFileSync(join(data, 'half'), '');
    const tell = `echo "$(basename "$0") $*, $(ls "${data}")" >>"${folder}/said"`;
    writeFileSync(join(folder, 'runuser'), `#!/bin/sh\n${tell}\n`, { mode: 0o755 });
    const systemctl = `#!/bin/sh\n${tell}\n[ "$1" != kill ] || exit ${code}\n`;
    writeFileSync(join(folder, 'systemctl'), systemctl, { mode: 0o755 });
    const stop = (await stopOf(view)).replaceAll(dataDirectory(view.cluster.spec.version), data);
    execFileSync('sh', ['-c', stop], { env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` } });
    expect(readFileSync(join(folder, 'said'), 'utf8').trim().split('\n')).toEqual([
      'systemctl stop patroni, half',
      `runuser -u postgres -- /usr/lib/postgresql/18/bin/pg_ctl stop -D ${data} -m immediate, half`,
      'systemctl kill --kill-whom=all --signal=KILL patroni, half',
    ]);
    expect(existsSync(data)).toBe(false);
  },
);
