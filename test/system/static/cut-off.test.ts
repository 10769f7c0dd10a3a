import { newId } from '../../support/inventory';
import { eventually } from '../../support/eventually';
import { GIB, openTwoMachines, whileBroken } from './two-machines';
import type { TwoMachines } from './two-machines';

/** What a look at machines leaves on them when the worker that looks dies. */

jest.setTimeout(120_000);

let both: TwoMachines;
beforeAll(async () => {
  both = await openTwoMachines();
});
afterAll(() => both?.end());

const tags = () => ({ 'holdfast.cluster': 'clu_cut_off', 'holdfast.project': both.scratch.project });

async function claimBoth(): Promise<void> {
  const { inventory, project: projectId } = both.scratch;
  for (const machine of both.machines.all) await both.register(machine);
  const needs = { role: 'data', memoryBytes: GIB, cpus: 1, storageBytes: GIB } as const;
  const wanted = ['pg-1', 'pg-2'].map((name) => ({ token: `clu_cut_off/${name}`, needs }));
  await inventory.hosts.claim({ projectId, cluster: 'clu_cut_off', tags: tags(), wanted });
  const [address = '', bits] = both.machines.floatingAddress.split('/');
  await inventory.floatingAddresses.register({ id: newId('fip'), projectId, address, prefixLength: Number(bits) });
}

test('a look that is cut off in the middle leaves no port taken that the next one wants free', async () => {
  await claimBoth();
  const { first, second } = both;
  const listens = (): boolean => first.run('ss -Hltn').includes(':2379');
  const route = `${second.address}/32`;
  await whileBroken(first, `ip route add blackhole ${route}`, `ip route del blackhole ${route}`, async () => {
    const cut = both
      .pool()
      .preflight(tags())
      .catch(() => 'cut off');
    await eventually(listens);
    // Connections break, as when the worker dies: nobody tells the machine that the ports are no longer needed.
    await both.beginAnew();
    expect(await cut).toBe('cut off');
  });
  await eventually(() => !listens(), { limitMs: 5_000 });
});
