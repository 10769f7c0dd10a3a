import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import pino from 'pino';
import type { Activities } from '../../../activities';
import { createActivities } from '../../../activities';
import type { ClusterState } from '../../../domain/clusters';
import { HoldfastError } from '../../../domain/errors';
import { createWorker } from '../../../workers/worker';
import type { Holdfast } from '../../support/holdfast';
import { askHaproxy } from '../support/haproxy';
import { demandSuccess, runOn } from '../support/image-tools';

/** The proof of what is broken gives up after that: it does not mend itself. */
const PROOF_MS = 2_000;

const systemctl = async (hostId: string, words: string): Promise<string> =>
  demandSuccess(await runOn(hostId, `systemctl ${words}\n`));

/** What is broken on a gateway where all else works, and which port the proof then has to name. */
const BREAKAGES = [
  { port: 6432, by: systemctl, breakIt: 'stop pgbouncer', mendIt: 'start pgbouncer' },
  { port: 5433, by: askHaproxy, breakIt: 'disable frontend replica', mendIt: 'enable frontend replica' },
  { port: 5432, by: systemctl, breakIt: 'stop haproxy', mendIt: 'start haproxy' },
] as const;

interface Failure extends Pick<HoldfastError, 'code' | 'retryable' | 'message'> {
  /** What the API says of the cluster at that moment. */
  readonly state: ClusterState;
}

/** A cluster is ready only when every port of its endpoint serves. */
export function describeReady(holdfast: () => Holdfast): void {
  test('is not ready while a port does not serve: the step says which, and is tried again', async () => {
    const failures: Failure[] = [];
    /** What the API says of the step at each try. */
    const told: (string | null | undefined)[] = [];
    const run = holdfast();
    const { fleet } = run;
    const real = createActivities(fleet);
    const hasty = createActivities({
      ...fleet,
      proveAddress: (address, access, proofId) => fleet.proveAddress(address, access, proofId, PROOF_MS),
    });

    const proveEndpoint: Activities['proveEndpoint'] = async (at) => {
      const { steps } = await run.operation(at.operationId);
      told.push(steps.find(({ id }) => id === at.stepId)?.lastError);
      await real.proveEndpoint(at);
      const breakage = BREAKAGES[failures.length];
      if (!breakage) return;
      const { nodes } = await run.cluster(at.clusterId);
      const gateway = nodes.find(({ role }) => role === 'gateway')?.hostId ?? '';
      await breakage.by(gateway, breakage.breakIt);
      try {
        await hasty.proveEndpoint(at);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        const { code, retryable, message } = error;
        failures.push({ code, retryable, message, state: (await run.cluster(at.clusterId)).status.state });
        throw error;
      } finally {
        await breakage.by(gateway, breakage.mendIt);
      }
    };

    await run.worker.stop();
    try {
      const { id } = await run.order({ name: 'unproven', plan: 'sandbox' });
      await withWorker(run, { ...real, proveEndpoint }, () => run.succeed(id));
    } finally {
      run.worker.start();
    }
    const names = ({ port }: (typeof BREAKAGES)[number]): string =>
      expect.stringMatching(`^Port ${port} of `) as string;
    const failure = { code: 'NOT_YET', retryable: true, state: 'creating' };
    expect(failures).toEqual(BREAKAGES.map((breakage) => ({ ...failure, message: names(breakage) })));
    expect(told).toEqual([null, ...BREAKAGES.map(names)]);
    expect((await run.cluster('unproven')).status.state).toBe('ready');
  });
}

/** Runs a worker in this process while `act` runs. */
async function withWorker<T>(
  { fleet, temporalAddress }: Holdfast,
  activities: Activities,
  act: () => Promise<T>,
): Promise<T> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: temporalAddress });
  try {
    const { codec, inventory } = fleet;
    const log = pino({ level: 'silent' });
    const worker = await createWorker({ connection, activities, operations: inventory.operations, log, codec });
    return await worker.runUntil(act());
  } finally {
    await connection.close();
  }
}
