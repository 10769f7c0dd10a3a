import type { ReachableNode } from '../fleet';
import { plainWord } from '../host/config-text';

/** Roles of Holdfast's own, never a tenant's. */
export const SYSTEM_ROLES = {
  superuser: 'postgres',
  replication: 'replicator',
  rewind: 'rewind',
  pooler: 'pgbouncer',
  monitor: 'monitor',
  dumper: 'dumper',
} as const;

const DUMPS_MAP = 'dumps';

/**
 * pg_hba.conf, first match wins: TLS only, scram only, each role only from where it works. Tenants come through the
 * gateways, which hold the allowed IPs; nobody logs in as superuser over the network.
 */
export function hbaLines(dataNodes: readonly ReachableNode[], gateways: readonly ReachableNode[]): string[] {
  const { superuser, replication, rewind, pooler, monitor, dumper } = SYSTEM_ROLES;
  const from = (node: ReachableNode): string => `${plainWord(node.privateAddress)}/32`;
  return [
    `local all ${superuser} peer`,
    `local postgres ${monitor} peer map=exporter`,
    // Patroni asks its own PostgreSQL for the timeline over the replication protocol.
    `local replication ${replication} peer map=patroni`,
    // Dumps are taken and restored on the host itself, as roles that are no superusers.
    `local all all peer map=${DUMPS_MAP}`,
    ...dataNodes.flatMap((node) => [
      `hostssl replication ${replication} ${from(node)} scram-sha-256 clientcert=verify-ca`,
      `hostssl postgres ${rewind} ${from(node)} scram-sha-256 clientcert=verify-ca`,
    ]),
    `host all ${[superuser, replication, rewind, monitor, dumper].join(',')} all reject`,
    `host replication all all reject`,
    ...gateways.map((node) => `hostssl postgres ${pooler} ${from(node)} scram-sha-256`),
    `host all ${pooler} all reject`,
    ...gateways.map((node) => `hostssl all all ${from(node)} scram-sha-256`),
    'host all all all reject',
  ];
}

/** pg_ident.conf: which system user may be which role. @param owner the tenant's role: a dump is restored as it. */
export const identLines = (owner: string): string[] => [
  `exporter prometheus ${SYSTEM_ROLES.monitor}`,
  `patroni postgres ${SYSTEM_ROLES.replication}`,
  `${DUMPS_MAP} postgres ${SYSTEM_ROLES.dumper}`,
  `${DUMPS_MAP} postgres ${plainWord(owner)}`,
];
