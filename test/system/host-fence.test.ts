import type { StepRef } from '../../domain/clusters';
import type { Lane } from '../../domain/operations';
import { FENCE_FOLDER_NAME, fencedHost } from '../../activities/host/fence';
import type { Host } from '../../activities/host/host';
import { sh } from '../../activities/host/shell';
import { readUninstall } from '../../activities/software/files';
import { newId } from '../support/inventory';
import { enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

/** A step of an operation that was overtaken does nothing on a host. */

let machine: EnteredHost;
let host: Host;
let clusterId: StepRef['clusterId'];

beforeAll(async () => {
  machine = await enterTestHost();
  ({ host } = machine);
});

afterAll(() => machine.end());

beforeEach(() => {
  clusterId = newId('clu');
});

const at = (generation: number, cluster = clusterId, lane: Lane = 'cluster'): Host =>
  fencedHost(host, { clusterId: cluster, operationId: newId('op'), lane, generation, stepId: 'a-step' });
const path = (name: string): string => `/tmp/${clusterId}.${name}`;
const log = async (): Promise<string> => host.run(sh`sh -c ${`cat ${path('log')} 2>/dev/null || true`}`);
const until = (name: string): string => `until [ -e ${path(name)} ]; do sleep 0.02; done`;

test('after a command of a newer generation one of an older is refused and does nothing', async () => {
  await at(8).run(sh`true`);
  await at(9).run(sh`true`);
  await at(10).run(sh`true`);
  const refused = { code: 'STALE_GENERATION', values: { asked: 9, actual: 10 } };
  await expect(at(9).run(sh`touch ${path('log')}`)).rejects.toMatchObject(refused);
  const file = { path: path('log'), content: 'x', mode: 0o644, owner: 'root:root' };
  await expect(at(9).putFiles([file])).rejects.toMatchObject(refused);
  expect(await host.run(sh`sh -c ${`ls ${path('log')} 2>/dev/null || echo none`}`)).toBe('none\n');
  await at(10).putFiles([file]);
  expect(await log()).toBe('x');
});

test('what fails or speaks behind the fence does so as before', async () => {
  expect(await at(1).run(sh`cat`, { stdin: 'héllo' })).toBe('héllo');
  await expect(at(1).run(sh`sh -c ${'echo no space >&2; exit 3'}`, { title: 'copy' })).rejects.toMatchObject({
    code: 'HOST_COMMAND_FAILED',
    values: { title: 'copy', exitCode: 3, output: 'no space' },
  });
});

test('a newer generation begins when the last command of an older has ended', async () => {
  const older = at(1).run(
    sh`sh -c ${`echo older begins >>${path('log')}; ${until('go')}; echo older ends >>${path('log')}`}`,
  );
  await host.run(sh`sh -c ${until('log')}`);
  const newer = at(2).run(sh`sh -c ${`echo newer >>${path('log')}`}`);
  await host.run(sh`sh -c ${`until pgrep -f 'fence .*/${clusterId} 2' >/dev/null; do sleep 0.02; done`}`);
  await host.run(sh`touch ${path('go')}`);
  await Promise.all([older, newer]);
  expect(await log()).toBe('older begins\nolder ends\nnewer\n');
});

test('commands of one generation do not wait for one another, from the first on', async () => {
  const first = at(7).run(sh`sh -c ${until('second')}`);
  const second = at(7).run(sh`touch ${path('second')}`);
  await Promise.all([first, second]);
});

test('another cluster on the same machine has a fence of its own', async () => {
  await at(5).run(sh`true`);
  await at(1, newId('clu')).run(sh`true`);
});

test('each lane of a cluster has a fence of its own: neither the newer number nor the longer command holds up the other', async () => {
  const backup = (generation: number): Host => at(generation, clusterId, 'backup');
  await at(9).run(sh`true`);
  await backup(2).run(sh`true`);
  await at(9).run(sh`true`);
  await expect(backup(1).run(sh`true`)).rejects.toMatchObject({
    code: 'STALE_GENERATION',
    values: { asked: 1, actual: 2 },
  });
  await expect(at(8).run(sh`true`)).rejects.toMatchObject({ values: { asked: 8, actual: 9 } });

  // A backup takes hours: what else the cluster is told in the meantime does not wait for it, and the other way round.
  const long = backup(2).run(sh`sh -c ${until('go')}`);
  await at(10).run(sh`true`);
  await at(11).run(sh`touch ${path('go')}`);
  await long;
  const change = at(11).run(sh`sh -c ${until('done')}`);
  await backup(3).run(sh`touch ${path('done')}`);
  await change;
});

test('a fence that a power failure left empty lets the next command through', async () => {
  await at(3).run(sh`true`);
  await host.run(sh`sh -c ${`: >/var/lib/holdfast/generations/${clusterId}`}`);
  await at(3).run(sh`true`);
  await expect(at(2).run(sh`true`)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
});

test('the script that takes all off a machine leaves the fence standing where that is asked for, else nothing', async () => {
  await at(4).run(sh`touch /var/lib/holdfast/software`);
  const stdin = await readUninstall();
  await at(4).run(sh`env KEEP=${FENCE_FOLDER_NAME} bash -s`, { stdin });
  expect(await host.run(sh`ls -A /var/lib/holdfast`)).toBe(`${FENCE_FOLDER_NAME}\n`);
  await expect(at(3).run(sh`true`)).rejects.toMatchObject({ code: 'STALE_GENERATION' });
  await at(4).run(sh`bash -s`, { stdin });
  expect(await host.run(sh`sh -c ${'ls -d /var/lib/holdfast 2>/dev/null || echo none'}`)).toBe('none\n');
});
