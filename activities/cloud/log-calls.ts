import type { Logger } from 'pino';
import type { Cloud } from './cloud';

/** The same cloud, with a line at level debug for each call that ended: which one, for what, how long it took. */
export function logCalls(cloud: Cloud, log: Pick<Logger, 'debug' | 'warn'>): Cloud {
  async function logged<T>(call: keyof Cloud, token: string | null, run: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const told = (): object => ({ cloud: cloud.name, call, token, tookMs: Math.round(performance.now() - startedAt) });
    try {
      const answer = await run();
      log.debug(told(), 'a cloud answered');
      return answer;
    } catch (error) {
      log.warn(told(), 'a call of a cloud failed');
      throw error;
    }
  }
  return {
    name: cloud.name,
    fences: cloud.fences,
    ...(cloud.machines && { machines: cloud.machines }),
    describe: (within) => logged('describe', null, () => cloud.describe(within)),
    createNetwork: (spec) => logged('createNetwork', spec.token, () => cloud.createNetwork(spec)),
    deleteNetwork: (token) => logged('deleteNetwork', token, () => cloud.deleteNetwork(token)),
    reserveAddress: (token) => logged('reserveAddress', token, () => cloud.reserveAddress(token)),
    createHost: (spec) => logged('createHost', spec.token, () => cloud.createHost(spec)),
    deleteHost: (token) => logged('deleteHost', token, () => cloud.deleteHost(token)),
    findHost: (token) => logged('findHost', token, () => cloud.findHost(token)),
    powerOff: (token) => logged('powerOff', token, () => cloud.powerOff(token)),
    powerOn: (token) => logged('powerOn', token, () => cloud.powerOn(token)),
    listByTags: (tags) => logged('listByTags', null, () => cloud.listByTags(tags)),
  };
}
