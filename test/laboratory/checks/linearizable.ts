import type { Done, RegisterOperation } from '../load/history';

/**
 * Whether a register behaved as if each operation had happened at one moment between its begin and its end (Wing and Gong's
 * search, with Lowe's memory of what was tried). One of unknown outcome may have happened at any moment after its begin, or never.
 */
export type Verdict = 'linearizable' | 'not linearizable' | 'undecided';

type Call = Done<RegisterOperation>;
type Value = number | null;

/** What can have happened so far: of the known calls all before `first` and those of `beyond`, of the unknown ones `maybe`. */
interface Point {
  readonly first: number;
  readonly beyond: readonly number[];
  readonly maybe: readonly number[];
  readonly value: Value;
}

interface Calls {
  /** In the order of their begins. */
  readonly known: readonly Call[];
  readonly unknown: readonly Call[];
}

/** More than any history of a round needs. */
const MOST_POINTS = 200_000;

/** @param history of one key. What failed did not happen, and a read that was not told nobody knows of. */
export function checkRegister(history: readonly Call[]): Verdict {
  const sorted = [...history].sort((a, b) => a.beganAt - b.beganAt);
  const calls: Calls = {
    known: sorted.filter(({ result }) => result === 'ok'),
    unknown: sorted.filter(({ result, op }) => result === 'unknown' && op.kind !== 'read'),
  };
  const tried = new Set<string>();
  const open: Point[] = [{ first: 0, beyond: [], maybe: [], value: null }];
  for (let point = open.pop(); point; point = open.pop()) {
    // What nobody knows of may never have happened.
    if (point.first === calls.known.length) return 'linearizable';
    if (tried.size > MOST_POINTS) return 'undecided';
    for (const next of nextPoints(calls, point)) {
      const name = JSON.stringify(next);
      if (!tried.has(name)) open.push(next);
      tried.add(name);
    }
  }
  return 'not linearizable';
}

/** The most likely one last, which is tried first: the known call that ended first. */
function nextPoints({ known, unknown }: Calls, point: Point): Point[] {
  const { first, beyond, maybe, value } = point;
  const candidates: number[] = [];
  let soonestEnd = Infinity;
  for (let i = first; i < known.length; i++) {
    const { beganAt = Infinity, endedAt = Infinity } = known[i] ?? {};
    // What begins after another one has ended cannot come before that.
    if (beganAt > soonestEnd) break;
    if (beyond.includes(i)) continue;
    soonestEnd = Math.min(soonestEnd, endedAt);
    candidates.push(i);
  }
  const endOf = (i: number): number => known[i]?.endedAt ?? Infinity;
  const guesses = unknown.flatMap(({ op, beganAt }, i): Point[] => {
    const after = beganAt <= soonestEnd && !maybe.includes(i) ? apply(op, value) : undefined;
    return after === undefined ? [] : [{ first, beyond, maybe: ordered([...maybe, i]), value: after }];
  });
  const steps = candidates
    .sort((a, b) => endOf(b) - endOf(a))
    .flatMap((i): Point[] => {
      const after = apply(known[i]?.op, value);
      return after === undefined ? [] : [{ ...advance(first, [...beyond, i]), maybe, value: after }];
    });
  return [...guesses, ...steps];
}

/** @returns the register's value after it; undefined where it cannot have been told what it was. */
function apply(op: RegisterOperation | undefined, value: Value): Value | undefined {
  switch (op?.kind) {
    case undefined:
      return undefined;
    case 'read':
      return op.value === value ? value : undefined;
    case 'write':
      return op.value;
    case 'cas': {
      const swaps = op.expected === value;
      if (op.swapped !== null && op.swapped !== swaps) return undefined;
      return swaps ? op.value : value;
    }
  }
}

function advance(first: number, happened: readonly number[]): Pick<Point, 'first' | 'beyond'> {
  const left = new Set(happened);
  let next = first;
  while (left.delete(next)) next++;
  return { first: next, beyond: ordered([...left]) };
}

const ordered = (numbers: number[]): number[] => numbers.sort((a, b) => a - b);
