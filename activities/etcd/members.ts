import { setTimeout as pause } from 'node:timers/promises';
import type { StepRef } from '../../domain/clusters';
import { HoldfastError, tellsAbsence } from '../../domain/errors';
import type { NodeName } from '../../domain/topology';
import type { ClusterView, Fleet } from '../fleet';
import { fencedHostOf, otherDataNodes } from '../fleet';
import { tellsFailedCommand } from '../host/errors';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import { ETCDCTL } from '../patroni/keys';
import type { InitialMember } from './config';

/** Who is a member of a cluster's etcd, asked and changed on a data node whose own member works. */

export interface Member {
  /** Hexadecimal. */
  readonly id: string;
  /** Empty before its first start. */
  readonly name: string;
  readonly peerUrl: string;
  /** It copies what the others have, and has no vote. */
  readonly isLearner: boolean;
}

/** How long a learner is waited for in one try. What is in etcd is small. */
const PROMOTE_MS = 60_000;
const PROMOTE_AGAIN_MS = 250;

/** Lines of `etcdctl member list`. @throws an error for one that is none. */
export function parseMembers(listed: string): Member[] {
  const lines = listed.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [id, , name, peerUrl, , learner] = line.split(',').map((field) => field.trim());
    if (id === undefined || name === undefined || peerUrl === undefined || learner === undefined)
      throw new Error(`no member of etcd: ${line}`);
    return { id, name, peerUrl, isLearner: learner === 'true' };
  });
}

export const listMembers = async (host: Host): Promise<Member[]> =>
  parseMembers(await host.run(sh`${ETCDCTL} member list`, { title: 'list the members of etcd' }));

/** Does it on a data node that works, beside the one that is named. @throws HOST_UNREACHABLE where none answers. */
export async function besideIt<T>(
  fleet: Fleet,
  at: StepRef,
  view: ClusterView,
  name: NodeName,
  act: (host: Host) => Promise<T>,
): Promise<T> {
  let away: unknown;
  for (const node of otherDataNodes(view, name)) {
    try {
      return await act(fencedHostOf(fleet, at, view, node));
    } catch (error) {
      if (!tellsAbsence(error)) throw error;
      away = error;
    }
  }
  throw away;
}

/** Takes out the members that are this node's. Nothing to do where there are none. */
export async function removeMembers(host: Host, { name, peerUrl }: InitialMember): Promise<void> {
  const members = await listMembers(host);
  for (const { id } of members.filter((one) => one.name === name || one.peerUrl === peerUrl))
    await host.run(sh`${ETCDCTL} member remove ${id}`, { title: `take ${name} out of etcd` });
}

/** @returns all members, with this one. One with its URL is found, not added again. */
export async function addLearner(host: Host, { name, peerUrl }: InitialMember): Promise<Member[]> {
  const members = await listMembers(host);
  if (members.some((one) => one.peerUrl === peerUrl)) return members;
  await host.run(sh`${ETCDCTL} member add ${name} --learner --peer-urls=${peerUrl}`, {
    title: `let ${name} into etcd`,
  });
  return listMembers(host);
}

/** Gives it a vote as soon as it has caught up; nothing to do where it has one. @throws NOT_YET when that takes long. */
export async function promote(host: Host, { name, peerUrl }: InitialMember): Promise<void> {
  const deadline = performance.now() + PROMOTE_MS;
  for (;;) {
    const own = (await listMembers(host)).find((one) => one.peerUrl === peerUrl);
    if (!own) throw new HoldfastError('NOT_YET', { what: `${name} is no member of etcd.` });
    if (!own.isLearner) return;
    try {
      await host.run(sh`${ETCDCTL} member promote ${own.id}`, { title: `give ${name} a vote in etcd` });
    } catch (error) {
      // It has not caught up yet, which etcd says in words only.
      if (!tellsFailedCommand(error) || performance.now() > deadline) throw error;
    }
    await pause(PROMOTE_AGAIN_MS);
  }
}
