import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { temporal } from '@temporalio/proto';
import { Worker } from '@temporalio/worker';
import { seedOf } from '../../infra/local/turns';
import { bundleWorkflows } from '../../workers/bundle';
import { chance, shuffled } from '../support/chance';
import type { HistoryPath } from '../support/workflows/paths';
import {
  APPROVAL_PATHS,
  CHECK_PATHS,
  CONTINUED_PATHS,
  ENTITY_PATHS,
  GATEWAY_PATHS,
  OPERATION_PATHS,
  UNDO_PATHS,
} from '../support/workflows/paths';
import { SCHEDULED_PATHS } from '../support/workflows/scheduled-paths';
import { startScriptedTemporal } from '../support/scripted-worker';

/**
 * Workflows that run when the code changes must be able to go on: each history of test/workflow/histories is replayed
 * against the code of today. `HOLDFAST_RECORD_HISTORIES=1 npm test -- --selectProjects workflow --testPathPatterns replay`
 * records them anew, a pattern such as `^rollback,` those that have such a name; from the first release on, those of released versions
 * stay, and changes need `patched()`.
 */

const { History } = temporal.api.history.v1;
const FOLDER = join(__dirname, 'histories');
const PLAIN_PATHS = [
  ...OPERATION_PATHS,
  ...GATEWAY_PATHS,
  ...APPROVAL_PATHS,
  ...UNDO_PATHS,
  ...ENTITY_PATHS,
  ...CHECK_PATHS,
  ...SCHEDULED_PATHS,
];
const PATHS = [...PLAIN_PATHS, ...CONTINUED_PATHS];
const fileOf = (name: string): string => `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.pb.gz`;

jest.setTimeout(900_000);

const asked = process.env['HOLDFAST_RECORD_HISTORIES'];
if (asked) {
  const wanted = asked === '1' ? /^/ : new RegExp(asked);
  beforeAll(async () => {
    if (asked === '1') rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    await record(PLAIN_PATHS.filter(({ name }) => wanted.test(name)));
    const continued = CONTINUED_PATHS.filter(({ name }) => wanted.test(name));
    if (continued.length > 0) await record(continued, { 'limit.historyCount.suggestContinueAsNew': 10 });
  });
}

async function record(paths: readonly HistoryPath[], dynamicConfig: Record<string, number> = {}): Promise<void> {
  const engine = await startScriptedTemporal(dynamicConfig);
  try {
    for (const path of paths) {
      const history = await (await path.record(engine)).fetchHistory();
      writeFileSync(join(FOLDER, fileOf(path.name)), gzipSync(History.encode(history).finish(), { level: 9 }));
    }
  } finally {
    await engine.stop();
  }
}

interface Recording {
  readonly workflowId: string;
  readonly history: temporal.api.history.v1.History;
}

const recordings = (): Recording[] =>
  readdirSync(FOLDER).map((file) => ({
    workflowId: file,
    history: History.decode(gunzipSync(readFileSync(join(FOLDER, file)))),
  }));

/** The files whose history the code could not go on with, and why. */
async function replay(code: string, histories: Recording[]): Promise<Record<string, string>> {
  const failures: Record<string, string> = {};
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { code } }, histories)) {
    if (error) failures[workflowId] = error.message;
  }
  return failures;
}

test('every way that a workflow can go has a recorded history', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(PATHS.map(({ name }) => fileOf(name)).sort());
});

test('the workflows of today go on with every recorded history', async () => {
  expect(await replay(await bundleWorkflows(), recordings())).toEqual({});
});

/** One history in so many is drawn; HOLDFAST_TEST_SEED draws those of an earlier run. */
const DRAWN = 4;
/** Of those that have found out a change already, one in so many is tried with the next one: each change must be found out. */
const TRIED_AGAIN = 4;
const SEED = seedOf(process.env);

/** Changes that somebody might make to the workflows without thinking of those that run. */
const CARELESS = ['without-its-last-step', 'without-undo', 'deaf', 'without-waiting', 'with-a-pause'] as const;

test(`workflows that were changed carelessly are found out: a recorded history finds out such a change (seed ${SEED})`, async () => {
  const all = recordings();
  const drawn = shuffled(all, chance(SEED)).slice(0, all.length / DRAWN);
  const idle = new Set(drawn.map(({ workflowId }) => workflowId));
  for (const change of CARELESS) {
    const workflows = join(__dirname, '..', 'support', 'workflows', 'careless', `${change}.ts`);
    const tried = drawn.filter(({ workflowId }, i) => idle.has(workflowId) || i % TRIED_AGAIN === 0);
    const found = await replay(await bundleWorkflows({ workflows }), tried);
    const caught = Object.entries(found).filter(([, message]) => message.includes('TMPRL1100'));
    expect([change, caught.length > 0]).toEqual([change, true]);
    for (const [workflowId] of caught) idle.delete(workflowId);
  }
  expect([...idle]).toEqual([]);
});
