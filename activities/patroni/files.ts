import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { secretRef } from '../fleet';
import type { HostFile } from '../host/host';
import { tlsFiles } from '../secrets/node-certificate';
import { makePassword } from '../secrets/passwords';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import type { Backups, PatroniPasswords } from './config';
import { PATRONI_CONFIG_FILE, patroniConfig } from './config';
import { SYSTEM_ROLES } from './hba';

/** What Patroni of a data node reads. */
export async function patroniFiles(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  backups: Backups,
): Promise<HostFile[]> {
  return [
    ...(await tlsFiles(fleet, view, node, { postgres: 'postgres:postgres', patroni: 'postgres:postgres' })),
    {
      path: PATRONI_CONFIG_FILE,
      content: patroniConfig(view, node, await passwords(fleet, view), backups),
      mode: 0o600,
      owner: 'postgres:postgres',
    },
  ];
}

async function passwords(fleet: Fleet, view: ClusterView): Promise<PatroniPasswords> {
  const ensure = (role: string): Promise<string> =>
    fleet.secrets.ensure(secretRef(view.cluster, SECRET_NAMES.role(role)), makePassword);
  const [superuser, replication, rewind] = await Promise.all([
    ensure(SYSTEM_ROLES.superuser),
    ensure(SYSTEM_ROLES.replication),
    ensure(SYSTEM_ROLES.rewind),
  ]);
  return { superuser, replication, rewind };
}
