import type { Heartbeat, NodeState } from '../../../domain/heartbeats';
import { lackWithout, silentPrimary } from '../../../domain/heartbeats';

/** When the silence of a primary is worth asking others for. */

const primary: Heartbeat = { node: 'pg-1', role: 'primary', silentMs: 100 };
const replica: Heartbeat = { node: 'pg-2', role: 'replica', silentMs: 200 };
const other: Heartbeat = { node: 'pg-3', role: 'replica', silentMs: 0 };
const silent = (heartbeat: Heartbeat): Heartbeat => ({ ...heartbeat, silentMs: 1_000 });
const down = (heartbeat: Heartbeat): Heartbeat => ({ ...heartbeat, role: 'down' });

test('a primary that is silent while the others are heard is suspected', () => {
  expect(silentPrimary([silent(primary), replica, other], null)).toBe('pg-1');
  expect(silentPrimary([silent(primary), replica, down(other)], null)).toBe('pg-1');
});

test('one that was the primary before anybody listened is suspected when it is not heard, and another one is not the primary', () => {
  const unheard = silent({ ...primary, role: null });
  expect(silentPrimary([unheard, replica, other], 'pg-1')).toBe('pg-1');
  expect(silentPrimary([{ ...unheard, silentMs: 900 }, replica, other], 'pg-1')).toBeNull();
  expect(silentPrimary([unheard, replica, other], 'pg-2')).toBeNull();
  expect(silentPrimary([unheard, { ...replica, role: 'primary' }, other], 'pg-1')).toBeNull();
});

test.each<[string, Heartbeat[]]>([
  ['all are heard', [primary, replica, other]],
  ['a replica is silent', [primary, silent(replica), other]],
  ['the primary says that its PostgreSQL is down', [silent(down(primary)), replica, other]],
  ['nobody is heard: the network of the control plane is the cause', [primary, replica, other].map(silent)],
  ['the others have no quorum without it', [silent(primary), silent(replica), other]],
  ['nobody who is left can take over', [silent(primary), down(replica), down(other)]],
  ['another node is the primary by now', [silent(primary), { ...replica, role: 'primary' }, other]],
  ['two were the primary, and are silent', [silent(primary), silent({ ...replica, role: 'primary' }), other]],
  ['no primary was ever heard', [{ ...silent(primary), role: null }, replica, other]],
  ['who is left was never heard', [silent(primary), { ...replica, role: null }, other]],
  ['there are two nodes only', [silent(primary), replica]],
])('nobody is suspected when %s', (_what, heartbeats) => {
  expect(silentPrimary(heartbeats, null)).toBeNull();
});

test.each<[string, (NodeState | null)[], boolean]>([
  ['both others are heard', ['replica', 'primary', 'replica'], true],
  ['one of them is down', ['replica', 'primary', 'down'], false],
  ['one of them is silent', ['replica', 'primary', 'silent'], false],
  ['the one itself is down', ['down', 'primary', 'replica'], true],
  ['nothing is known of them', [null, null, null], true],
  ['there is nobody else', ['primary'], false],
])('the data of a node can be thrown away where %s', (_what, states, can) => {
  const named = new Map(states.map((state, i) => [`pg-${i + 1}`, state] as const));
  expect(lackWithout('pg-1', named) === null).toBe(can);
});
