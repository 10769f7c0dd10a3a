import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import type { TestStores } from '../../system/support/stores';
import { dumpOf, restoreDump } from './dump-user';
import { ask, POLL, remove, takeBackup } from './user';

interface Ground {
  readonly holdfast: Holdfast;
  readonly stores: TestStores;
  /** Has `shop` use both sites, the one that can be troubled first. */
  readonly onBothSites: () => Promise<void>;
}

/** On the cluster `shop`, whose first site is `secondary`, behind a door. @param ground only known once it runs. */
export function describeTroubledReads(ground: () => Ground): void {
  test('a dump goes to the site that takes it, says what the other one has, and gets there when that is over; it is read from the one that answers', async () => {
    const { holdfast, stores, onBothSites } = ground();
    await onBothSites();
    stores.trouble('secondary', 'answers 500');
    const { id } = await ask(holdfast, 'POST', '/v1/clusters/shop/dumps', {});
    const told = await eventually(async () => {
      const { steps } = await holdfast.operation(id);
      return steps.find(({ title }) => title.startsWith('copy'))?.lastError ?? undefined;
    }, POLL);
    expect(told).toMatch(/it is on primary only: .*secondary/);
    stores.trouble('secondary', null);
    await holdfast.succeed(id);
    const dump = await dumpOf(holdfast, 'shop', id);
    expect([dump.state, dump.copies.map(({ site }) => site).sort()]).toEqual(['succeeded', ['primary', 'secondary']]);

    stores.trouble('secondary', 'hangs');
    const restored = await restoreDump(holdfast, dump.id, { database: 'fetched' });
    await holdfast.succeed(restored.id).finally(() => stores.trouble('secondary', null));
    const config = { ...login(await holdfast.credentials('shop'), 'primaryPort'), database: 'fetched' };
    expect(await query(config, 'select current_database() as name')).toEqual([{ name: 'fetched' }]);
  });

  test('a restore comes from the next site while the first one hangs, and says so', async () => {
    const { holdfast, stores, onBothSites } = ground();
    await onBothSites();
    // Each segment that is replayed is waited for: those of the tests before need not be.
    await holdfast.succeed((await takeBackup(holdfast, 'shop', { type: 'full' })).id);
    stores.trouble('secondary', 'hangs');
    try {
      const { id } = await ask(holdfast, 'POST', '/v1/clusters/shop/restores', { name: 'again', backups: null });
      const { restored } = await holdfast.succeed(id);
      expect(restored?.from).toMatchObject({ site: 'primary', insteadOf: 'secondary' });
    } finally {
      stores.trouble('secondary', null);
    }
    await remove(holdfast, 'again');
  });
}
