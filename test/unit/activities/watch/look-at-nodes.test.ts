import { parseDataLook } from '../../../../activities/watch/look-at-nodes';
import { viewOf } from '../../../support/view';

/** What the command on a data node prints, read. On real hosts: test/alone/ha/disk.ts. */

const view = viewOf('ha-s');
const VOLUME = 'volume 1000 250\n';
const postgres = (isPrimary: boolean, standbys: object[] = []): string =>
  `postgres ${JSON.stringify({ isPrimary, standbys })}\n`;
/** @param leaders whom each of the members that answer takes for the leader, the first one, 2^63 + 1, before others. */
const etcd = (...leaders: number[]): string =>
  leaders
    .map((leader, i) =>
      [
        `"ClusterID" : 17481526287386523000`,
        `"MemberID" : ${2n ** 63n + 1n + BigInt(i)}`,
        `"Version" : "3.5.30"`,
        `"Leader" : ${leader === 0 ? 0 : 2n ** 63n + BigInt(leader)}`,
        `"Endpoint" : "https://10.213.0.${10 + i}:2379"`,
        '',
      ].map((line) => `etcd ${line}\n`),
    )
    .flat()
    .join('');
const read = (printed: string) => parseDataLook(printed, view, 'pg-1');

test('a primary says how full it is, who streams from it, and whose etcd answers it: one that knows no leader does not', () => {
  const printed = [VOLUME, 'refuses\n', postgres(true, [{ name: 'pg-3', lagBytes: 42 }]), etcd(2, 2, 0)].join('');
  expect(read(printed)).toEqual({
    disk: { node: 'pg-1', role: 'primary', usedShare: 0.75, refuses: true },
    acts: [],
    standbys: [{ name: 'pg-3', lagBytes: 42 }],
    members: [
      { node: 'pg-1', id: '8000000000000001', leads: false },
      { node: 'pg-2', id: '8000000000000002', leads: true },
    ],
    certificateEndsAt: null,
  });
});

test('a standby says only how full it is; one without PostgreSQL does too', () => {
  const nobody = { standbys: null, members: null };
  expect(read(`${VOLUME}${postgres(false)}`)).toMatchObject({ disk: { role: 'standby', refuses: false }, ...nobody });
  expect(read(VOLUME)).toMatchObject({ disk: { role: null, usedShare: 0.75 }, ...nobody });
});

test('an etcd that cannot be asked at all does not answer, and neither does any other', () => {
  expect(read(`${VOLUME}${postgres(true)}`).members).toEqual([]);
});

test('what streams and is no data node, such as a copy that is made, is no standby', () => {
  expect(read(`${VOLUME}${postgres(true, [{ name: 'pg_basebackup', lagBytes: 0 }])}${etcd(1, 1, 1)}`).standbys).toEqual(
    [],
  );
});

test('what the host did is read line by line; one that was written in part is left out', () => {
  const act = { at: '2026-11-23T04:00:00.123Z', act: 'writes refused', detail: '95.1% of the volume are used' };
  expect(read(`${VOLUME}act ${JSON.stringify(act)}\nact {"at": "2026\n`).acts).toEqual([act]);
});

test('of several certificates the one that ends first counts', () => {
  const printed = `${VOLUME}notAfter=Dec 25 10:00:00 2027 GMT\nnotAfter=Nov 24 10:00:00 2027 GMT\n`;
  expect(read(printed).certificateEndsAt).toBe('2027-11-24T10:00:00.000Z');
});
