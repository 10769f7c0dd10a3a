import { join } from 'node:path';
import { conduct } from './experiment';
import type { Experiment, Outcome } from './experiment';
import { extendedRunbook } from './extra-workflows';
import type { Laboratory, Subject } from './laboratory';
import { openLaboratory } from './laboratory';
import { bothSides } from './rows';
import { complaints } from './verdict';

/** What the crash matrix makes of activities that were added to a runbook: a good one and one that is not idempotent. */

jest.setTimeout(300_000);

let laboratory: Laboratory;
let subject: Subject;
let dryRun: Outcome;
const provision: Experiment = { kind: 'provision', topology: 'single' };
const run = (experiment: Experiment): Promise<Outcome> =>
  conduct(laboratory, subject, experiment, { provision: extendedRunbook });

beforeAll(async () => {
  laboratory = await openLaboratory();
  subject = await laboratory.openLane('extended', { workflows: join(__dirname, 'extra-workflows.ts') });
  dryRun = await run(provision);
});
afterAll(() => laboratory?.stop());

const ONCE = 'plant-a-tree-once: plantOnce';
const AGAIN = 'plant-a-tree-each-time: plantAgain';

test('an activity that was added has rows without anybody writing them down', () => {
  expect(dryRun.result).toBe('succeeded');
  const rows = bothSides(dryRun.executions).map(({ execution, when }) => `${when} ${execution}`);
  for (const execution of [ONCE, AGAIN])
    expect(rows).toEqual(expect.arrayContaining([`before ${execution}`, `after ${execution}`]));
});

async function complaintsAbout(execution: string): Promise<string[]> {
  const experiment: Experiment = { ...provision, crashes: [{ execution, when: 'after' }] };
  return complaints(laboratory, subject.world, experiment, await run(experiment), dryRun);
}

test('one that asks before it acts passes', async () => {
  expect(await complaintsAbout(ONCE)).toEqual([]);
});

test('one that does its deed at each try is found out', async () => {
  expect(await complaintsAbout(AGAIN)).toEqual(['more than once: gw-1 planted a tree each time']);
});

test('a crash point that no worker comes to is no success', async () => {
  const experiment: Experiment = { ...provision, crashes: [{ execution: 'no-such-step: none', when: 'before' }] };
  expect(await complaints(laboratory, subject.world, experiment, await run(experiment), dryRun)).toEqual([
    'no worker came to the point before "no-such-step: none"',
  ]);
});
