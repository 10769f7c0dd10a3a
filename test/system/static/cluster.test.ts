import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterDetailAnswer } from '../../../domain/schemas/clusters';
import { controlKeySchema, hostSchema } from '../../../domain/schemas/hosts';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { operationSchema } from '../../../domain/schemas/operations';
import { isFinal } from '../../../domain/operations';
import { commandIn } from '../../support/command';
import type { TestCommand } from '../../support/command';
import { eventually } from '../../support/eventually';
import { startHoldfast } from '../../support/holdfast';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../support/endpoint';
import { docker, makeMachines } from './machines';
import type { Machine, Machines } from './machines';
import { changesOf, photograph } from './photograph';

/** Three machines that somebody has become a cluster, lose one, and are given back as they were. */

jest.setTimeout(1_800_000);

let holdfast: Holdfast;
let machines: Machines;
let folder: string;
let run: TestCommand['run'];

const UPGRADE = 'export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -qy upgrade';
const SIZE = ['--memory', '2GiB', '--cpus', '1', '--storage', '10GiB'];

async function add(machine: Machine, ...more: readonly string[]): ReturnType<TestCommand['run']> {
  const { name, address, user, fingerprint } = machine;
  const where = ['--address', address, '--user', user, '--host-key', fingerprint, '--zone', `rack-${name}`];
  return run(['host', 'add', name, ...where, ...SIZE, ...more]);
}

/** Does what a management board would, and writes down what it was asked for. */
function writeFenceCommand(): string {
  const file = join(folder, 'fence');
  const body = `set -eu
echo "$1 $2" >>${folder}/fenced
container=$(sed -n "s/^$2 //p" ${folder}/machines)
case $1 in
  off) docker kill "$container" || [ "$(docker inspect -f '{{.State.Running}}' "$container")" = false ] ;;
  on) docker start "$container" ;;
esac`;
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return file;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-static-'));
  holdfast = await startHoldfast({ fenceCommand: writeFenceCommand() });
  ({ run } = commandIn(folder, { HOLDFAST_URL: holdfast.url, HOLDFAST_TOKEN: holdfast.token }));
  const { publicKey } = controlKeySchema.parse((await holdfast.api('GET', '/v1/hosts/key')).body);
  machines = await makeMachines(3, publicKey);
  // As their owner keeps them: of what was there nothing older is put back that the mirror has no more.
  await Promise.all(machines.all.map((machine) => machine.ask(UPGRADE)));
  writeFileSync(join(folder, 'machines'), machines.all.map(({ name, container }) => `${name} ${container}\n`).join(''));
});
afterAll(async () => {
  await holdfast.stop();
  await machines.end();
  rmSync(folder, { recursive: true, force: true });
});

const machineOf = (nodes: readonly string[], node: string): boolean => nodes.includes(node);
const hosts = async () =>
  Promise.all(
    machines.all.map(async ({ name }) => hostSchema.parse((await holdfast.api('GET', `/v1/hosts/${name}`)).body)),
  );
const machineWith = async (node: string): Promise<Machine> => {
  const host = (await hosts()).find(({ nodes }) => machineOf(nodes, node));
  const machine = machines.all.find(({ name }) => name === host?.name);
  if (!machine) throw new Error(`no machine has ${node}`);
  return machine;
};
const condition = ({ status }: ClusterDetailAnswer, type: string): unknown =>
  status.conditions.find((candidate) => candidate.type === type)?.status;
/** Packages are installed on three machines that share one: longer than anything that other tests wait for. */
const PATIENCE = { everyMs: 500, limitMs: 900_000 };
async function until(id: string, wanted: (operation: OperationAnswer) => boolean): Promise<OperationAnswer> {
  return eventually(async () => {
    const now = await holdfast.operation(id);
    if (wanted(now)) return now;
    if (isFinal(now.state) || now.state === 'waiting') throw new Error(`${now.kind} ${now.state}: ${now.reason ?? ''}`);
    return false;
  }, PATIENCE);
}
const succeed = (id: string): Promise<OperationAnswer> => until(id, ({ state }) => state === 'succeeded');
/** An operation that was told to cancel may be seen waiting for a moment still. */
const stateAtEnd = (id: string): Promise<string> =>
  eventually(async () => {
    const { state } = await holdfast.operation(id);
    return isFinal(state) && state;
  }, PATIENCE);
const remove = async (): Promise<void> => {
  const { body } = await holdfast.api('DELETE', '/v1/clusters/orders', { confirm: 'orders' });
  await succeed(operationSchema.parse(body).id);
};

/** Every connection that the control plane has to the machines, while packages are being installed; fails where it has none. */
async function cutSshWhileInstalling(id: string): Promise<void> {
  await until(id, ({ steps }) =>
    steps.some((step) => step.id === 'install-the-software' && /Unpacking/.test(step.progress ?? '')),
  );
  for (const machine of machines.all) machine.run(`pkill -KILL -f '^sshd(-session)?: ${machine.user}'`);
}

/** Units of all jobs that the machine ever began. */
async function startedJobs(machine: Machine): Promise<string[]> {
  const journal = await machine.ask('journalctl --output cat --no-pager _PID=1');
  return [...journal.matchAll(/^Started (holdfast-op_\S+)/gm)].map(([, unit]) => unit ?? '');
}

/** Its machine is fenced by the operator's command, another node takes its place, and it comes back as a replica. */
async function loseThePrimary(access: ReturnType<typeof login>): Promise<void> {
  const nodeOf = async (role: string): Promise<string> => {
    const { nodes } = await holdfast.cluster('orders');
    return nodes.find(({ state }) => state === role)?.name ?? '';
  };
  const former = await eventually(async () => (await nodeOf('primary')) || false);
  const machine = await machineWith(former);
  docker('kill', machine.container);
  await eventually(async () => {
    const { status } = await holdfast.cluster('orders');
    return status.conditions.some(({ reason }) => reason === 'FailedOver');
  });
  await eventually(() =>
    query(access, 'insert into kept values (3)').then(
      () => true,
      () => false,
    ),
  );
  expect(readFileSync(join(folder, 'fenced'), 'utf8')).toBe(`off ${machine.name}\non ${machine.name}\n`);
  expect(await query(access, 'select number from kept order by number')).toEqual([{ number: 1 }, { number: 3 }]);
  await eventually(async () => {
    const { nodes } = await holdfast.cluster('orders');
    return nodes.filter(({ state }) => state === 'replica').length === 2;
  });
}

test('machines are registered by host add, which tells that they can be used', async () => {
  for (const machine of machines.all) {
    const { code, stdout } = await add(machine);
    expect([code, stdout]).toEqual([0, expect.stringContaining('ok   The ports that are needed are free.')]);
  }
  expect(await run(['address', 'add', machines.floatingAddress])).toMatchObject({ code: 0 });
});

test('when one machine is not ready the operation waits, says why and has changed nothing; cancelled, it frees all', async () => {
  const [, second] = machines.all;
  const taker = `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 2379, Listen => 1); sleep 600'`;
  second?.run(`systemd-run --quiet --unit taker ${taker}; until ss -Hltn | grep -q :2379; do sleep 0.1; done`);
  const before = await Promise.all(machines.all.map(photograph));
  const { id } = await holdfast.order({ name: 'early', plan: 'ha-s', cloud: 'static' });
  const { reason } = await until(id, ({ state }) => state === 'waiting');
  expect(reason).toMatch(/"check that the cloud can do it" failed: .*m2: Ports are taken: 2379 by perl\. Stop what/);
  expect(await changesOf(machines.all, before)).toEqual([]);
  await holdfast.api('POST', `/v1/operations/${id}/cancel`);
  expect(await stateAtEnd(id)).toBe('cancelled');
  expect((await hosts()).map(({ cluster }) => cluster)).toEqual([null, null, null]);
  second?.run('systemctl stop taker');
});

test('three machines become a cluster by one request; it survives a gateway; they are given back clean', async () => {
  const before = await Promise.all(machines.all.map(photograph));

  const { id, clusterId } = await holdfast.order({ name: 'orders', plan: 'ha-s', cloud: 'static' });
  await cutSshWhileInstalling(id);
  await succeed(id);
  for (const machine of machines.all) expect(await startedJobs(machine)).toEqual([expect.stringMatching(/-install-/)]);
  const cluster = await holdfast.cluster('orders');
  expect(cluster.status.endpoint?.addresses.map(({ host }) => host)).toEqual([machines.floatingAddress.split('/')[0]]);
  expect(condition(cluster, 'FailureDomainsSeparate')).toBe(true);
  expect(condition(cluster, 'StorageSizeEnforced')).toBe(false);
  expect((await hosts()).map(({ cluster: owner }) => owner)).toEqual([clusterId, clusterId, clusterId]);
  expect((await holdfast.api('DELETE', '/v1/hosts/m1')).body).toMatchObject({ code: 'HOST_IN_USE' });

  const access = login(await holdfast.credentials('orders'), 'primaryPort');
  await query(access, 'create table kept as select 1 as number');

  await loseThePrimary(access);

  const gateway = await machineWith('gw-1');
  docker('kill', gateway.container);
  // A session that the dead machine held answers no more: a client gives it up and asks anew.
  const impatient = { ...access, connectionTimeoutMillis: 5_000, query_timeout: 5_000 };
  await eventually(
    () =>
      query(impatient, 'insert into kept values (2)').then(
        () => true,
        () => false,
      ),
    { everyMs: 250 },
  );
  expect(await query(access, 'select number from kept where number = 1')).toEqual([{ number: 1 }]);
  docker('start', gateway.container);

  await remove();
  expect(await changesOf(machines.all, before)).toEqual([]);
  expect((await hosts()).map(({ cluster: owner }) => owner)).toEqual([null, null, null]);
});

test('a machine that was given back is used again; a cancel in the middle of the installation leaves nothing of it', async () => {
  const before = await Promise.all(machines.all.map(photograph));
  const { id } = await holdfast.order({ name: 'orders', plan: 'single-s', cloud: 'static' });
  await until(id, ({ steps }) => steps.some(({ progress }) => /Unpacking/.test(progress ?? '')));
  await holdfast.api('POST', `/v1/operations/${id}/cancel`);
  expect(await stateAtEnd(id)).toBe('cancelled');
  expect(await changesOf(machines.all, before)).toEqual([]);
  expect((await hosts()).map(({ cluster }) => cluster)).toEqual([null, null, null]);
});

test('a machine that is dead for good is forgotten by force, and the deletion goes on', async () => {
  const { id } = await holdfast.order({ name: 'single', plan: 'single-s', cloud: 'static' });
  await succeed(id);
  const access = login(await holdfast.credentials('single'), 'pooledPort');
  expect(await query(access, 'select 1 as one')).toEqual([{ one: 1 }]);
  const dead = await machineWith('pg-1');
  docker('kill', dead.container);
  const { body } = await holdfast.api('DELETE', '/v1/clusters/single', { confirm: 'single' });
  const deletion = operationSchema.parse(body).id;
  await until(deletion, ({ steps }) => steps.some(({ lastError }) => /does not answer over SSH/.test(lastError ?? '')));
  expect(await run(['host', 'remove', dead.name, '--force'])).toMatchObject({ code: 0 });
  await succeed(deletion);
});
