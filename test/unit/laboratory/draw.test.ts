import { readFileSync } from 'node:fs';
import path from 'node:path';
import { budgetOf, drawRounds, FAULTS, nameOf } from '../../laboratory/faults/draw';
import type { Round } from '../../laboratory/faults/draw';

function take(count: number, seed: number, only?: string): Round[] {
  const rounds = drawRounds(FAULTS, seed, only);
  return Array.from({ length: count }, () => rounds.next().value);
}
const names = (rounds: readonly Round[]): string[] => rounds.map(nameOf);
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

test('a seed draws the same rounds each time, and another one others', () => {
  expect(names(take(100, 7))).toEqual(names(take(100, 7)));
  expect(names(take(100, 7))).not.toEqual(names(take(100, 8)));
});

const pairsOf = (rounds: readonly Round[]): Round[] => rounds.filter(({ length }) => length === 2);

test('a fault alone and a pair come in turn, and each fault alone once before one does again', () => {
  for (const seed of SEEDS) {
    const rounds = take(4 * FAULTS.length, seed);
    expect(rounds.map(({ length }) => length)).toEqual(rounds.map((_, i) => 1 + (i % 2)));
    const alone = names(rounds.filter(({ length }) => length === 1));
    for (const turn of [alone.slice(0, FAULTS.length), alone.slice(FAULTS.length)])
      expect([...turn].sort()).toEqual(FAULTS.map(({ name }) => name).sort());
  }
});

test('no fault is paired with itself, nor with one that acts on the same thing', () => {
  const pairs = SEEDS.flatMap((seed) => pairsOf(take(200, seed)));
  for (const [one, other] of pairs) {
    expect(one?.name).not.toBe(other?.name);
    expect(one?.group !== undefined && one.group === other?.group).toBe(false);
  }
  const met = new Set(pairs.flat().map(({ name }) => name));
  expect(met.size).toBe(FAULTS.length);
});

test('what is named comes again and again; a name that there is not is told with those that there are', () => {
  expect(names(take(3, 7, 'kill-etcd'))).toEqual(['kill-etcd', 'kill-etcd', 'kill-etcd']);
  expect(names(take(2, 7, 'kill-etcd+stores-off'))).toEqual(['kill-etcd + stores-off', 'kill-etcd + stores-off']);
  expect(() => take(1, 7, 'kill-everything')).toThrow(
    /no fault is called kill-everything; there are: kill-postmaster, /,
  );
});

test('two hosts are never lost at once, nor can they be by name', () => {
  const lost = FAULTS.filter(({ name }) => name.startsWith('lose-')).map(({ name }) => name);
  expect(lost).toEqual(['lose-primary', 'lose-standby', 'lose-gateway']);
  const pairs = SEEDS.flatMap((seed) => pairsOf(take(200, seed)));
  const both = pairs.filter((pair) => pair.filter(({ name }) => lost.includes(name)).length > 1);
  expect(names(both)).toEqual([]);
  expect(pairs.some((pair) => pair.some(({ name }) => lost.includes(name)))).toBe(true);
  for (const other of lost) expect(() => take(1, 7, `lose-standby+${other}`)).toThrow(/not made at once/);
});

test('a pair may take as long as both, and as the lease that it may have to wait for', () => {
  const [one, other] = FAULTS;
  if (!one || !other) throw new Error('no faults');
  expect(budgetOf([one])).toBe(one.budgetMs);
  expect(budgetOf([one, other])).toBeGreaterThan(one.budgetMs + other.budgetMs);
});

test('every fault has a name of its own and is explained in docs/chaos.md', () => {
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  const page = readFileSync(path.join(__dirname, '../../../docs/chaos.md'), 'utf8');
  const told = [...page.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\| (\d+) s +\| (\d+) s +\|$/gm)].map(
    ([, ...cells]) => cells,
  );
  const seconds = (ms: number): string => String(ms / 1000);
  expect(told).toEqual(
    FAULTS.map(({ name, what, holdMs, budgetMs }) => [name, what, seconds(holdMs), seconds(budgetMs)]),
  );
});
