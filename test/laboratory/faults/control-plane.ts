import type { ControlPlane, ControlProgram } from '../../support/own-installation';
import { powerOn } from '../../system/support/power';
import type { Fault, Heal } from './fault';
import { fault, nothing, UNNOTICED_MS } from './fault';

/** Parts of the control plane: clusters serve without any of them. */

const HOLD_MS = 15_000;

const controlFault = (name: string, what: string, act: (controlPlane: ControlPlane) => Promise<Heal>): Fault =>
  fault(name, what, UNNOTICED_MS, {
    group: 'control plane',
    inject: ({ ha }) => act(ha.holdfast.controlPlane),
  });

const killed = (program: ControlProgram): Fault =>
  controlFault(`kill-${program}`, `SIGKILL to ${program}`, (controlPlane) => {
    controlPlane.kill(program);
    return Promise.resolve(nothing);
  });

const STORES = ['site-primary', 'site-secondary', 'site-offsite'] as const;

export const CONTROL_PLANE_FAULTS: readonly Fault[] = [
  killed('worker'),
  killed('api'),
  killed('temporal'),
  controlFault('kill-inventory', "the inventory's server loses power", async ({ inventory }) => {
    await inventory.kill();
    return () => powerOn(inventory);
  }),
  controlFault('freeze-worker', 'the worker stands still, and goes on with what it believed', (controlPlane) => {
    controlPlane.freeze('worker');
    return Promise.resolve(() => Promise.resolve(controlPlane.thaw('worker')));
  }),
  {
    ...controlFault('control-plane-off', 'worker, API, Temporal and inventory are away', async (controlPlane) => {
      await controlPlane.off();
      let off = true;
      return async () => {
        if (off) await controlPlane.on();
        off = false;
      };
    }),
    holdMs: HOLD_MS,
  },
  fault('stores-off', 'no object store answers', UNNOTICED_MS, {
    holdMs: HOLD_MS,
    inject: ({ ha: { holdfast } }) => {
      holdfast.controlPlane.freeze(...STORES);
      return Promise.resolve(() => Promise.resolve(holdfast.controlPlane.thaw(...STORES)));
    },
  }),
];
