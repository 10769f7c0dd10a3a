import { dataNodesOf } from '../../../../activities/fleet';
import type { DataLook } from '../../../../activities/watch/look-at-nodes';
import { createSegmentTurner } from '../../../../activities/watch/waiting-standbys';
import type { NodeName } from '../../../../domain/topology';
import { scriptedSsh } from '../../../support/scripted-ssh';
import { viewOf } from '../../../support/view';

/** When a segment of the log is begun for a standby that waits for it. On real hosts: test/alone/ha/disk.ts. */

const view = viewOf('ha-s');
type Role = 'primary' | 'standby';

/** One look after another: which nodes answer, as what, and who receives from the primary. */
function turner() {
  const begun: string[] = [];
  const watchSsh = scriptedSsh((node, _command, { stdin }) =>
    Promise.resolve(begun.push(`${view.cluster.name}/${node}: ${String(stdin).split(' ').at(-1)}`)).then(() => ''),
  );
  const turn = createSegmentTurner({ watchSsh });
  const look = async (
    roles: Partial<Record<NodeName, Role>>,
    streaming: readonly NodeName[],
    times = 1,
  ): Promise<void> => {
    const data = dataNodesOf(view).map((node) => {
      const role = roles[node.name];
      return { node, look: role ? lookOf(node.name, role, streaming) : null };
    });
    for (let i = 0; i < times; i++) await turn(view, data);
  };
  return { begun, look };
}

const lookOf = (node: NodeName, role: Role, streaming: readonly NodeName[]): DataLook => ({
  disk: { node, role, usedShare: 0, refuses: false },
  standbys: role === 'primary' ? streaming.map((name) => ({ name, lagBytes: 0 })) : null,
  ...{ acts: [], certificateEndsAt: null, members: [] },
});

const ALL = { 'pg-1': 'primary', 'pg-2': 'standby', 'pg-3': 'standby' } as const;

test('once, on the primary, for a standby that works and has received nothing for half a minute', async () => {
  const { begun, look } = turner();
  await look(ALL, ['pg-2'], 9);
  expect(begun).toEqual([]);
  await look(ALL, ['pg-2'], 20);
  expect(begun).toEqual([`${view.cluster.name}/pg-1: pg_switch_wal()`]);
});

test('again when it stays away another time', async () => {
  const { begun, look } = turner();
  await look(ALL, ['pg-2'], 10);
  await look(ALL, ['pg-2', 'pg-3']);
  await look(ALL, ['pg-2'], 10);
  expect(begun).toHaveLength(2);
});

test('for nobody while no primary is seen; for none that does not work', async () => {
  const { begun, look } = turner();
  await look({ 'pg-2': 'standby', 'pg-3': 'standby' }, [], 20);
  await look({ 'pg-1': 'primary', 'pg-2': 'standby' }, ['pg-2'], 20);
  expect(begun).toEqual([]);
  await look(ALL, ['pg-2'], 10);
  expect(begun).toHaveLength(1);
});
