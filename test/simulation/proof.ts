import type { EndpointAddress } from '../../domain/clusters';
import type { ProveAddress } from '../../activities/postgres/proof';
import { HoldfastError } from '../../domain/errors';
import { isActive } from './machine';
import { nameOf } from './cloud';
import type { SimulatedHost, World } from './world';

/** Simulated PostgreSQL speaks to nobody, but what a connection would need can be seen in the world. */
export function createSimulatedProof(world: World): ProveAddress {
  return (address, { spec, hasReplicas }) => {
    const missing = whatIsMissing(
      world,
      address,
      [`CREATE ROLE "${spec.owner}"`, `CREATE DATABASE "${spec.database}"`],
      hasReplicas,
    );
    if (missing === null) return Promise.resolve('18.0');
    return Promise.reject(new HoldfastError('NOT_YET', { what: `${address.host} does not serve yet: ${missing}` }));
  };
}

function whatIsMissing(
  world: World,
  { host }: EndpointAddress,
  statements: readonly string[],
  hasReplicas: boolean,
): string | null {
  const network = world.networkTokens().find((token) => world.network(token)?.floatingAddress === host);
  if (network === undefined) return 'nobody has that address';
  const hosts = world
    .hostTokens()
    .map((token) => world.host(token))
    .filter((one) => one?.networkToken === network);
  const running = hosts.filter((one) => one?.running === true);
  const serving = (service: string): SimulatedHost[] =>
    running.filter((one) => one !== null).filter((one) => isActive(one.root, service));
  for (const service of ['keepalived', 'haproxy', 'pgbouncer', 'patroni', 'etcd'])
    if (serving(service).length === 0) return `no ${service} runs`;
  // On the network of machines that somebody has, clusters come one after the other.
  const all = world.effects(network);
  const effects = all.slice(all.findLastIndex((effect) => effect.endsWith('initialised the cluster')));
  const undone = statements.find((statement) => !effects.some((effect) => effect.includes(statement)));
  if (undone !== undefined) return `nobody said ${undone}`;
  if (hasReplicas && serving('patroni').length < 2)
    return `no replica but ${serving('patroni')
      .map(({ token }) => nameOf(token))
      .join()}`;
  return null;
}
