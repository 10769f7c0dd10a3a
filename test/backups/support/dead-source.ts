import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { powerOn } from '../../system/support/power';
import type { Writer } from '../../system/support/ledger';
import { untilTold } from './archiving';
import { FLAWLESS, judgeLedger, POLL, remove, restoreTo, untilAcknowledged, windowOf } from './user';

interface Ground {
  readonly holdfast: Holdfast;
  /** On the cluster `shop`. */
  readonly writer: Writer;
}

/** Up to when a cluster can be restored, as far as the inventory knows. Who asks the API has its primary asked. */
async function knownUpTo({ database }: Holdfast, cluster: string): Promise<number> {
  const [row] = await database.query<{ at: Date | null }>(
    'select restorable_to as at from timelines where cluster_id = $1 order by id desc limit 1',
    [cluster],
  );
  return row?.at?.getTime() ?? 0;
}

/** On the cluster `shop`, of one data node. @param ground only known once it runs. */
export function describeDeadSource(ground: () => Ground): void {
  test('of a cluster whose host is gone any time can be restored that is in the archive, without a look before', async () => {
    const { holdfast, writer } = ground();
    const { id, nodes } = await holdfast.cluster('shop');
    const time = Date.now();
    await eventually(async () => (await knownUpTo(holdfast, id)) > time, POLL);
    const host = holdfast.docker.getContainer(nodes.find(({ name }) => name === 'pg-1')?.hostId ?? '');
    await host.kill();
    try {
      const { asOf, latest } = await windowOf(holdfast, 'shop');
      expect([asOf, Date.parse(latest ?? '')]).toEqual(['last look', await knownUpTo(holdfast, id)]);
      await restoreTo(holdfast, 'shop', { name: 'bereaved', target: { time: new Date(time).toISOString() } });
    } finally {
      await powerOn(host);
    }
    expect(await judgeLedger(holdfast, 'bereaved', writer, time)).toEqual(FLAWLESS);
    await remove(holdfast, 'bereaved');
    await untilAcknowledged(writer, Date.now());
    await untilTold(holdfast, 'shop', 'UpToDate');
  });
}
