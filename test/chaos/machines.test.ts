import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decideOperation } from '../../workflows/operation';
import { HOLD, LAN, machinesOf } from '../simulation/machines';
import type { HoldPoint } from '../simulation/machines';
import { eventually } from '../support/eventually';
import type { Experiment, Running } from './experiment';
import { begin, conduct } from './experiment';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { freeMachines, giveMachines, keptOfMachines, ownerOfMachines } from './machines';

/** What comes in the middle of the work on machines that somebody has: the crash matrix comes before and after it. */

jest.setTimeout(300_000);

const PROVISION: Experiment = { kind: 'provision', topology: 'ha', cloud: 'static' };
const NAMES = ['m1', 'm2', 'm3'];

let laboratory: Laboratory;
let subject: Subject;
beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('machines');
  await giveMachines(laboratory, subject, { count: NAMES.length, block: 0 });
});
afterAll(() => laboratory?.stop());
afterEach(async () => {
  release('packages');
  release('connections');
  await freeMachines(laboratory, subject);
});

const holdFiles = (point: HoldPoint): string[] => machinesOf(subject.world).map(({ root }) => join(root, HOLD[point]));
const hold = (point: HoldPoint): void => holdFiles(point).forEach((file) => writeFileSync(file, ''));
const release = (point: HoldPoint): void => holdFiles(point).forEach((file) => rmSync(file, { force: true }));

const kept = async (): Promise<string[]> =>
  keptOfMachines(laboratory, subject.world, await ownerOfMachines(laboratory, subject.lane));
/** Waits until that has happened on all machines since `from`. */
const onAll = (effect: RegExp, from: number): Promise<unknown> =>
  eventually(() => {
    const effects = subject.world.effects(LAN).slice(from);
    return NAMES.every((name) => effects.some((one) => one.startsWith(`${name} `) && effect.test(one)));
  });
const count = (effects: readonly string[], what: string): number =>
  effects.filter((effect) => effect.endsWith(` ${what}`)).length;
const REMOVAL = /run job .*-remove-/;

/** A provision in which APT is at work on all machines. */
async function beginInstalling(): Promise<{ running: Running; from: number }> {
  const from = subject.world.effects(LAN).length;
  hold('packages');
  const running = await begin(laboratory, subject, PROVISION);
  await onAll(/installs packages/, from);
  return { running, from };
}

test('a worker that dies while machines are looked at, and another while they are installed: all is done once', async () => {
  hold('connections');
  hold('packages');
  const from = subject.world.effects(LAN).length;
  const running = await begin(laboratory, subject, PROVISION);
  const listeners = join(subject.world.wire(LAN), 'listeners');
  await eventually(() => existsSync(listeners) && readdirSync(listeners).length > 0, { everyMs: 10 });
  subject.lane.kill();
  release('connections');
  await onAll(/installs packages/, from);
  subject.lane.kill();
  release('packages');
  const { result, effects } = await running.outcome();
  expect(result).toBe('succeeded');
  expect(effects.filter((effect, i) => effects.indexOf(effect) !== i)).toEqual([]);
});

test('a cancel while they are installed ends the jobs, waits for APT, and leaves the machines as they were', async () => {
  const { running, from } = await beginInstalling();
  await laboratory.client.workflow.getHandle(running.input.operationId).signal(decideOperation, 'cancel');
  await onAll(REMOVAL, from);
  release('packages');
  const { result, effects } = await running.outcome();
  expect([result, await kept()]).toEqual(['cancelled', []]);
  expect([count(effects, 'installs packages'), count(effects, 'removes packages')]).toEqual([3, 3]);
});

test('a deletion ends what an operation that was terminated still installs', async () => {
  const { running, from } = await beginInstalling();
  await laboratory.client.workflow.getHandle(running.input.operationId).terminate();
  await eventually(
    async () => (await laboratory.inventory.operations.get(running.input.operationId))?.state === 'failed',
  );
  const deletion = conduct(laboratory, subject, { ...PROVISION, kind: 'delete', cluster: running.cluster });
  await onAll(REMOVAL, from);
  release('packages');
  expect([(await deletion).result, await kept()]).toEqual(['succeeded', []]);
});
