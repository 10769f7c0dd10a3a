import type { StepRef } from '../../domain/clusters';
import type { NodeName } from '../../domain/topology';
import type { Fleet, OpenNode } from '../fleet';
import { openNode } from '../fleet';
import { rootFile, startServices } from '../host/services';
import { tlsFiles } from '../secrets/node-certificate';
import type { InitialMember } from './config';
import { ETCD_ENVIRONMENT_FILE, etcdEnvironment, memberOf } from './config';
import { addLearner, besideIt, promote } from './members';

/** See EtcdActivities.joinEtcdAgain. */
export async function joinAgain(fleet: Fleet, at: StepRef, name: NodeName): Promise<void> {
  const opened = await openNode(fleet, at, name);
  const own = memberOf(opened.node);
  const listed = await besideIt(fleet, at, opened.view, name, (host) => addLearner(host, own));
  const members = listed.map((one) => (one.peerUrl === own.peerUrl ? own : one));
  members.sort((one, other) => one.name.localeCompare(other.name));
  await startEtcd(fleet, opened, members, 'existing');
  await besideIt(fleet, at, opened.view, name, (host) => promote(host, own));
  await fleet.inventory.replacements.endAbsence(at);
}

export async function startEtcd(
  fleet: Fleet,
  { view, node, host }: OpenNode,
  members: readonly InitialMember[],
  state: 'new' | 'existing',
): Promise<void> {
  const files = [
    ...(await tlsFiles(fleet, view, node, { etcd: 'etcd:etcd' })),
    rootFile(ETCD_ENVIRONMENT_FILE, etcdEnvironment(node, members, view.cluster.id, state)),
  ];
  await startServices(host, { etcd: files });
}
