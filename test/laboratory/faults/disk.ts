import { DATA_FOLDER } from '../../../activities/postgres/paths';
import type { Fault } from './fault';
import { fault, LEASE_MS, mend, strike } from './fault';

const HOLD_MS = 10_000;
const BALLAST = `${DATA_FOLDER}/ballast`;

/** The volume of the primary, filled to its last block by somebody who is no tenant. Blocks are reserved, not written: it takes no time. */
export const DISK_FAULTS: readonly Fault[] = [
  fault('disk-full', 'somebody fills the volume of the primary', HOLD_MS + LEASE_MS, {
    holdMs: HOLD_MS,
    impossible: async (ha) => {
      const { status } = await ha.holdfast.cluster(ha.id);
      const enforced = status.conditions.some(
        (condition) => condition.type === 'StorageSizeEnforced' && condition.status,
      );
      return enforced ? null : 'the engine gives hosts no volumes of a real size';
    },
    async inject(scene) {
      const { primary } = scene;
      const fill = `touch ${BALLAST}
for size in 1GiB 64MiB 1MiB 4KiB; do
  while fallocate --offset "$(stat -c %s ${BALLAST})" --length "$size" ${BALLAST} 2>/dev/null; do :; done
done
`;
      await strike(scene, primary, fill);
      return () => mend(scene, primary, `rm -f ${BALLAST}\n`);
    },
  }),
];
