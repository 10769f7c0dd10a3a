import type { ProjectId } from '../../domain/ids';
import { loadControlKey } from '../../activities/secrets/ssh-keys';
import type { World } from '../simulation/world';
import { changesOf, LAN, MACHINE_SIZE, MACHINE_USER, machinesOf, placeMachines, renew } from '../simulation/machines';
import { newId } from '../support/inventory';
import type { Laboratory, Subject } from './laboratory';
import type { Lane } from './lane';

/** Machines for the cloud `static`, registered in the inventory: each lane has its own, in a project of its own. */

/** The project that the machines of that lane belong to. */
export async function ownerOfMachines(
  { inventory }: Pick<Laboratory, 'inventory'>,
  lane: Pick<Lane, 'settings'>,
): Promise<ProjectId> {
  return (await inventory.projects.ensure(lane.settings.taskQueue)).id;
}

/** Gives a lane machines, and a floating address for them. @param block see {@link placeMachines}. */
export async function giveMachines(
  laboratory: Laboratory,
  { lane, world }: Subject,
  { count, block }: { readonly count: number; readonly block: number },
): Promise<void> {
  const { hosts, floatingAddresses } = laboratory.inventory;
  const projectId = await ownerOfMachines(laboratory, lane);
  const { publicLine: authorizedKey } = await loadControlKey(lane.settings.home);
  for (const { token, privateAddress, hostKey, failureDomain } of await placeMachines(world, {
    count,
    block,
    authorizedKey,
  })) {
    await hosts.register({
      id: newId('host'),
      projectId,
      name: token.slice(token.indexOf('/') + 1),
      ssh: { host: privateAddress, port: 22, user: MACHINE_USER },
      hostKey,
      zone: failureDomain,
      size: MACHINE_SIZE,
    });
  }
  const network = world.network(LAN);
  if (!network) throw new Error('machines without a network');
  const prefixLength = Number(network.cidr.split('/')[1]);
  await floatingAddresses.register({
    id: newId('fip'),
    projectId,
    address: network.floatingAddress,
    prefixLength,
  });
}

/** Machines and addresses that were not given back, and what was left on machines; nothing when all are as they were. */
export async function keptOfMachines(
  { inventory }: Pick<Laboratory, 'inventory'>,
  world: World,
  owner: ProjectId,
): Promise<string[]> {
  const [hosts, addresses] = await Promise.all([inventory.hosts.list(owner), inventory.floatingAddresses.list(owner)]);
  return [
    ...hosts.flatMap(({ name, cluster }) => (cluster === null ? [] : [`${name} was not given back`])),
    ...addresses.flatMap(({ address, cluster }) => (cluster === null ? [] : [`${address} was not given back`])),
    ...machinesOf(world).flatMap((machine) => changesOf(machine).map((line) => `on ${machine.token}: ${line}`)),
  ];
}

/** Takes the machines from whatever cluster still has them, and installs them anew. Nothing to do when all are as they were. */
export async function freeMachines(laboratory: Laboratory, { lane, world }: Subject): Promise<void> {
  const owner = await ownerOfMachines(laboratory, lane);
  if ((await keptOfMachines(laboratory, world, owner)).length === 0) return;
  const { scratch } = laboratory;
  await scratch.query('delete from host_claims using hosts where host_id = hosts.id and project_id = $1', [owner]);
  await scratch.query('update hosts set last_cluster = null where project_id = $1', [owner]);
  const free = 'network = null, cluster = null, tags = null';
  await scratch.query(`update floating_addresses set ${free} where project_id = $1`, [owner]);
  for (const machine of machinesOf(world)) renew(world, machine);
}
