import { setTimeout as pause } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import type { NodeName } from '../../domain/topology';
import { hostToken } from '../cloud/tokens';
import type { ClusterView } from '../fleet';
import { abortable } from '../host/cancellation';
import type { FormerHost } from '../inventory/failovers';

/** The host of a primary that was lost, as its cloud has it off and on. No failover waits for a cloud for ever. */

/** A cloud that has said nothing by then has failed. */
const ANSWERS_WITHIN_MS = 60_000;
const SWITCHED_ON_WITHIN_MS = 60_000;
const AGAIN_MS = 1_000;

/** @throws CLOUD_UNAVAILABLE, CLOUD_REFUSED; also where the cloud does not answer. It may be off all the same. */
export const switchOff = ({ cloud, cluster }: ClusterView, node: NodeName): Promise<void> =>
  inTime(cloud.powerOff(hostToken(cluster, node)));

/** Also where there is none. @throws as {@link switchOff} does. */
export const isOff = async ({ cloud, cluster }: ClusterView, node: NodeName): Promise<boolean> =>
  !(await inTime(cloud.findHost(hostToken(cluster, node))))?.running;

/**
 * Tries for a minute. Where it is gone for good, or stays off, the node gets another one: replacements.ts.
 * @param clock tells milliseconds.
 */
export async function switchOn(
  { cloud, cluster }: ClusterView,
  node: NodeName,
  clock: () => number,
): Promise<FormerHost> {
  const host = hostToken(cluster, node);
  const beganAtMs = clock();
  for (;;) {
    try {
      if (!(await inTime(cloud.findHost(host)))) return 'gone';
      await inTime(cloud.powerOn(host));
      return 'on';
    } catch (error) {
      log.warn('a host was not switched on again', { cluster: cluster.id, node, error: String(error) });
      if (clock() - beganAtMs >= SWITCHED_ON_WITHIN_MS) return 'off';
      await pause(AGAIN_MS);
    }
  }
}

const inTime = <T>(asked: Promise<T>): Promise<T> => abortable(asked, AbortSignal.timeout(ANSWERS_WITHIN_MS));
