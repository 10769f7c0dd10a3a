import type { StepRef } from '../../domain/clusters';
import { each } from '../../domain/each';
import { HoldfastError } from '../../domain/errors';
import type { Swap } from '../../domain/swaps';
import type { ClusterView, Fleet } from '../fleet';
import { dataNodesOf, fencedHostOf, secretRef, viewCluster } from '../fleet';
import { SYSTEM_ROLES } from '../patroni/hba';
import { lookAtData } from '../patroni/last-primary';
import { ASIDE_FILES } from '../pgbackrest/files';
import { requireSound } from '../pgbackrest/checks';
import { setReadBy } from '../pgbackrest/read-set';
import { FORGET_TARGET } from '../pgbackrest/restore';
import { firstDatabaseScript, systemPasswords } from '../postgres/roles';
import { script } from '../postgres/sql';
import { makePassword, scramVerifier } from '../secrets/passwords';
import { SECRET_NAMES } from '../secrets/stored-secrets';
import { askAside, removeAside, startAside, stopAside, waitForAside } from './aside';
import { demandReady, exchange, startAll, startOld, stopAll } from './exchange';
import { keepOldData, removeReleased } from './keep';
import { copyData, makeData, nodeOf } from './make';
import { ASIDE_PORT, placesOf } from './places';
import type { Places } from './places';
import { chooseNode, requireRoom } from './room';

/** The data of a cluster is replaced by data of its own past, which is made beside it while it serves. */
export interface SwapActivities {
  /**
   * Sees that every data node answers and has room, and chooses where the new data is made. Idempotent. Retry: `remote`.
   * Effects: the choice. Undo: none needed. @throws NOT_ENOUGH_SPACE.
   */
  checkRoom(at: StepRef): Promise<void>;
  /**
   * Restores the data beside the old, and writes down which site and which set it read, or copies what was kept. Idempotency: a host job. Retry: `long`.
   * Effects: a folder and a file on that node. Undo: removeAside.
   */
  makeAside(at: StepRef): Promise<void>;
  /**
   * Starts PostgreSQL on it, waits until it has come to its target, and forgets that. Idempotency: a host job. Retry: `long`.
   * Effects: a server that nobody but the superuser can enter. Undo: removeAside. @throws RESTORE_FAILED.
   */
  replayAside(at: StepRef): Promise<void>;
  /** Sets the roles and passwords that the control plane holds. Idempotent. Retry: `remote`. Undo: removeAside. */
  prepareAside(at: StepRef): Promise<void>;
  /** Looks at it as every restore does, and writes down what it finds. Idempotent. Retry: `long`. @throws RESTORE_DAMAGED. */
  checkAside(at: StepRef): Promise<void>;
  /** Copies it to the other data nodes. Idempotency: a host job on each. Retry: `long`. Undo: removeAside. */
  copyAside(at: StepRef): Promise<void>;
  /** Stops PostgreSQL on it, and sees that the exchange can begin. Idempotent. Retry: `remote`. Undo: removeAside. @throws RESTORE_FAILED. */
  closeAside(at: StepRef): Promise<void>;
  /** Deletes all that is beside the data, on every data node. Idempotent. Retry: `long`. */
  removeAside(at: StepRef): Promise<void>;
  /**
   * Stops PostgreSQL on every data node, and sees that the new data can still take its place. Idempotent. Retry: `long`.
   * Undo: {@link SwapActivities.startOld}. @throws RESTORE_FAILED after a failover.
   */
  stopOld(at: StepRef): Promise<void>;
  /** Starts PostgreSQL on the old data again, wherever it was stopped. Idempotent. Retry: `long`. */
  startOld(at: StepRef): Promise<void>;
  /** Renames the old data away and the new in its place, on every data node. Idempotent. Retry: `long`. Undo: none, it is past the point of no return. */
  exchangeData(at: StepRef): Promise<void>;
  /** Starts PostgreSQL on the new data, its primary first. Idempotent. Retry: `long`. Undo: as exchangeData. */
  startNew(at: StepRef): Promise<void>;
  /**
   * Writes down how long the old data can be put back, and deletes what is not needed for that. Idempotent. Retry: `long`.
   * Effects: folders on the data nodes, a row. Undo: none.
   */
  keepOld(at: StepRef): Promise<void>;
  /** Deletes the old data: it can't be put back any more. Idempotent; what a host keeps is deleted by the housekeeping. Retry: `long`. */
  releaseOld(at: StepRef): Promise<void>;
}

interface Work {
  readonly view: ClusterView;
  readonly swap: Swap;
  readonly places: Places;
}

export function createSwapActivities(fleet: Fleet): SwapActivities {
  const open: Open = async (at) => {
    const [view, swap] = await Promise.all([
      viewCluster(fleet, at.clusterId),
      fleet.inventory.swaps.ofOperation(at.operationId),
    ]);
    return { view, swap, places: placesOf(view.cluster.spec.version, at.operationId) };
  };
  const removeAll = async (at: StepRef): Promise<void> => {
    const { view, places } = await open(at);
    await each(dataNodesOf(view), (node) => removeAside(fencedHostOf(fleet, at, view, node), at, places, ASIDE_FILES));
  };
  return { ...beside(fleet, open), ...exchanging(fleet, open), removeAside: removeAll };
}

type Open = (at: StepRef) => Promise<Work>;
type Exchanging = 'stopOld' | 'startOld' | 'exchangeData' | 'startNew' | 'keepOld' | 'releaseOld';

/** With the server on the new data: a host that was started anew has forgotten it. */
function withServer(fleet: Fleet, open: Open): Open {
  return async (at) => {
    const work = await open(at);
    const node = nodeOf(work.view, work.swap);
    await startAside(fleet, at, work.view, node, work.places);
    await waitForAside(fleet, at, work.view, node, work.places);
    return work;
  };
}

/** While the old data serves. */
function beside(fleet: Fleet, open: Open): Omit<SwapActivities, Exchanging | 'removeAside'> {
  const openServer = withServer(fleet, open);
  return {
    async checkRoom(at) {
      const { view, swap } = await open(at);
      await requireRoom(fleet, view, swap);
      await chooseNode(fleet, at, view, swap);
    },

    async makeAside(at) {
      const { view, swap, places } = await open(at);
      await makeData(fleet, at, view, swap, places);
    },

    async replayAside(at) {
      const { view, swap, places } = await openServer(at);
      const host = fencedHostOf(fleet, at, view, nodeOf(view, swap));
      await askAside(view, host, places, FORGET_TARGET, 'forget the target');
    },

    async prepareAside(at) {
      const { view, swap, places } = await openServer(at);
      const roles = await rolesScript(fleet, view);
      await askAside(view, fencedHostOf(fleet, at, view, nodeOf(view, swap)), places, roles, 'set roles and passwords');
    },

    async checkAside(at) {
      const { view, swap, places } = await openServer(at);
      const server = { socket: places.socket, port: ASIDE_PORT };
      const host = fencedHostOf(fleet, at, view, nodeOf(view, swap));
      // What is put back from what was kept came from no set.
      const read = swap.target ? await setReadBy(fleet, at, swap.timelineId) : null;
      await requireSound(fleet, at, view, host, { read, server });
    },

    async copyAside(at) {
      const { view, swap, places } = await openServer(at);
      await copyData(fleet, at, view, swap, places);
    },

    async closeAside(at) {
      const { view, swap, places } = await open(at);
      const host = fencedHostOf(fleet, at, view, nodeOf(view, swap));
      // What a loss of power ended is ended well.
      if (!(await lookAtData(host, places, places.data)).isClean) await openServer(at);
      await stopAside(host, at, places);
      await demandReady(fleet, at, view, swap, places);
    },
  };
}

function exchanging(fleet: Fleet, open: Open): Pick<SwapActivities, Exchanging> {
  return {
    async stopOld(at) {
      const { view, places } = await open(at);
      await fleet.inventory.clusters.setCondition(at, {
        type: 'Ready',
        status: false,
        reason: 'Restoring',
        message: 'Other data of its own past is put in the place of its data.',
      });
      await stopAll(fleet, at, view, places);
    },

    async startOld(at) {
      const { view } = await open(at);
      await startOld(fleet, at, view);
      await fleet.inventory.clusters.setCondition(at, {
        type: 'Ready',
        status: true,
        reason: 'Resumed',
        message: 'The data of before serves again.',
      });
    },

    async exchangeData(at) {
      const { view, swap, places } = await open(at);
      await exchange(fleet, at, view, swap, places);
    },

    async startNew(at) {
      const { view, swap } = await open(at);
      await startAll(fleet, at, view, swap);
    },

    async keepOld(at) {
      const { view, swap, places } = await open(at);
      await keepOldData(fleet, at, view, swap, places);
    },

    async releaseOld(at) {
      await fleet.inventory.swaps.release(at);
      const { failed } = await removeReleased(fleet, await fleet.inventory.swaps.left(at.clusterId));
      const [problem] = Object.values(failed);
      if (problem !== undefined)
        throw new HoldfastError('NOT_YET', { what: `The old data is still there: ${problem}` });
    },
  };
}

/** The data brings the roles with the passwords that they had then. */
async function rolesScript(fleet: Fleet, { cluster }: ClusterView): Promise<ReturnType<typeof script>> {
  const verifierOf = async (role: string): Promise<string> =>
    scramVerifier(await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.role(role)), makePassword));
  const { pooler, superuser, replication, rewind } = SYSTEM_ROLES;
  const verifiers = { pooler: await verifierOf(pooler), owner: await verifierOf(cluster.spec.owner) };
  const own = await Promise.all(
    [superuser, replication, rewind].map(async (role) => [role, await verifierOf(role)] as const),
  );
  return script(firstDatabaseScript(cluster.spec, verifiers), systemPasswords(own));
}
