import { chooseMachines } from '../../../domain/machine-choice';
import type { Machine, PlacedHost, WantedHost } from '../../../domain/machine-choice';

const GIB = 1024 ** 3;
const machine = (name: string, zone: string, gib = 4): Machine => ({
  id: `host_${name}`,
  zone,
  size: { memoryBytes: gib * GIB, cpus: 2, storageBytes: 100 * GIB },
});
const data = (n: number): WantedHost => ({
  token: `pg-${n}`,
  needs: { role: 'data', memoryBytes: 2 * GIB, cpus: 1, storageBytes: 10 * GIB },
});
const gateway = (n: number): WantedHost => ({
  token: `gw-${n}`,
  needs: { role: 'gateway', memoryBytes: GIB / 4, cpus: 0.5, storageBytes: 0 },
});
const HA = [data(1), data(2), data(3), gateway(1), gateway(2)];

const placesOf = (chosen: readonly PlacedHost[] | string): Record<string, string> => {
  if (typeof chosen === 'string') throw new Error(chosen);
  return Object.fromEntries(chosen.map(({ token, machine: { id } }) => [token, id]));
};

test('data nodes go to different zones, whatever order the machines come in', () => {
  const free = [machine('a1', 'a'), machine('a2', 'a'), machine('b1', 'b'), machine('c1', 'c')];
  for (const order of [free, [...free].reverse()]) {
    expect(placesOf(chooseMachines([data(1), data(2), data(3)], order))).toEqual({
      'pg-1': 'host_a1',
      'pg-2': 'host_b1',
      'pg-3': 'host_c1',
    });
  }
});

test('with five machines every node has its own, and the small ones become gateways', () => {
  const free = [
    machine('s1', 'a', 1),
    machine('s2', 'b', 1),
    machine('l1', 'a'),
    machine('l2', 'b'),
    machine('l3', 'c'),
  ];
  expect(placesOf(chooseMachines(HA, free))).toEqual({
    'pg-1': 'host_l1',
    'pg-2': 'host_l2',
    'pg-3': 'host_l3',
    'gw-1': 'host_s1',
    'gw-2': 'host_s2',
  });
});

test.each([3, 4])('with %d machines the gateways share those of data nodes, two different ones', (count) => {
  const free = ['a', 'b', 'c', 'd'].slice(0, count).map((zone) => machine(zone, zone));
  const places = placesOf(chooseMachines(HA, free));
  expect([places['gw-1'], places['gw-2']]).toEqual([places['pg-1'], places['pg-2']]);
  expect(new Set(Object.values(places)).size).toBe(3);
});

test('hosts that are placed stay, and others of their role go elsewhere', () => {
  const placed: PlacedHost[] = [{ ...data(1), machine: machine('a1', 'a') }];
  const free = [machine('a2', 'a'), machine('b1', 'b')];
  expect(placesOf(chooseMachines([data(2)], free, placed))).toEqual({ 'pg-2': 'host_b1' });
});

test('too few machines, or too small ones, are told with what is needed', () => {
  const free = [machine('a', 'a'), machine('b', 'b', 1), machine('c', 'c')];
  expect(chooseMachines(HA, free)).toMatch(
    /^3 machine\(s\) of at least 2 GiB of memory, 1 CPU and 10 GiB of storage are needed, 2 of the 3 free one\(s\)/,
  );
});
