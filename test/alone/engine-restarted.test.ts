import Docker from 'dockerode';
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { projectFile } from '../../infra/local/project';
import { connectApi } from '../support/holdfast-api';
import type { HoldfastApi } from '../support/holdfast-api';
import { untilSuccess } from '../support/eventually';
import { makeClone } from '../system/support/clone';
import type { Clone } from '../system/support/clone';
import { login, query } from '../system/support/endpoint';
import { powerOn } from '../system/support/power';

/**
 * The Docker engine is stopped while clusters are made and used: `npm start` starts it again and gives everything on it
 * its power back. Only where nobody else uses the engine (infra/local/test-setup.ts).
 */

jest.setTimeout(400_000);

const onOwnEngine = process.env['HOLDFAST_TEST_OWNS_ENGINE'] === 'yes' ? describe : describe.skip;
const docker = new Docker();

onOwnEngine('a Docker engine that is stopped', () => {
  let clone: Clone;
  let holdfast: HoldfastApi;
  let others: string[];

  beforeAll(async () => {
    others = (await docker.listContainers()).map(({ Id }) => Id);
    clone = await makeClone();
    await clone.startAndWait();
    holdfast = connectApi(`http://127.0.0.1:${clone.port}`, clone.read('token'));
  });
  afterAll(async () => {
    // The tests' own database is among them.
    await untilSuccess(() => docker.ping());
    for (const id of others) await powerOn(docker.getContainer(id));
    await clone.interruptAll();
    await clone.remove();
  });

  /** While engine and inventory are away, the API can't answer. */
  const succeeds = (id: string): Promise<void> =>
    untilSuccess(
      async () => {
        const { state, steps } = await holdfast.operation(id);
        if (state !== 'succeeded') throw new Error(`${state}: ${JSON.stringify(steps.filter(isUnderWay))}`);
      },
      { everyMs: 500, limitMs: 240_000 },
    );

  test('in the middle of a provision: the operation goes on to its end', async () => {
    const { id } = await holdfast.order({ name: 'shaken', plan: 'ha-s' });
    await holdfast.waitFor(id, ({ steps }) =>
      steps.some((step) => step.id === 'start-postgresql-under-patroni' && step.state === 'running'),
    );
    await stopEngine();
    await succeeds(id);
    const access = login(await holdfast.credentials('shaken'), 'primaryPort');
    await query(access, 'create table kept as select 1 as number');
  });

  test('under a cluster that serves: it serves again, with its data', async () => {
    const access = login(await holdfast.credentials('shaken'), 'primaryPort');
    await query(access, 'insert into kept values (2)');
    await stopEngine();
    const rows = await untilSuccess(() => query(access, 'select number from kept order by number'), { everyMs: 500 });
    expect(rows).toEqual([{ number: 1 }, { number: 2 }]);
  });
});

const isUnderWay = ({ state }: { readonly state: string }): boolean => state !== 'pending' && state !== 'succeeded';

/** With all that runs on it, as its owner would; returns when all of it is gone. */
async function stopEngine(): Promise<void> {
  const folder = dirname((process.env['DOCKER_HOST'] ?? '').replace('unix://', ''));
  await promisify(execFile)(projectFile('infra', 'local', 'engine.sh'), ['stop', folder]);
}
