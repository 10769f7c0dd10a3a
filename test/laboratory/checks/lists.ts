import type { Done, ListTransaction } from '../load/history';

/**
 * Whether transactions on lists can have happened one after the other (the order of a list tells who came before whom): nothing
 * acknowledged is lost, nothing that failed is seen, and no transactions come before one another in a circle.
 *
 * @param final what the lists hold in the end, by key. @returns what is wrong, a sentence each.
 */
export function checkLists(
  history: readonly Done<ListTransaction>[],
  final: ReadonlyMap<number, readonly number[]>,
): string[] {
  const writers = writersOf(history);
  const wrong = [...lostAppends(history, final), ...strangeItems(final, writers), ...wrongReads(history, final)];
  // An order that is no order tells nothing about circles.
  if (wrong.length > 0) return wrong;
  const circle = findCircle(precedence(history, final, writers));
  return circle ? [`transactions come before one another in a circle: ${circle.map(tell).join(' -> ')}`] : [];
}

type Transaction = Done<ListTransaction>;
type Writers = ReadonlyMap<number, Transaction>;

function writersOf(history: readonly Transaction[]): Writers {
  const pairs = history.flatMap((transaction) =>
    appendsOf(transaction).map(({ append }): [number, Transaction] => [append, transaction]),
  );
  return new Map(pairs);
}

const appendsOf = ({ op }: Transaction): { key: number; append: number }[] =>
  op.steps.flatMap((step) => ('append' in step ? [step] : []));

const readsOf = ({ op, result }: Transaction): { key: number; read: readonly number[] }[] =>
  result === 'ok'
    ? op.steps.flatMap((step) => ('read' in step && step.read ? [{ key: step.key, read: step.read }] : []))
    : [];

function lostAppends(history: readonly Transaction[], final: ReadonlyMap<number, readonly number[]>): string[] {
  return history
    .filter(({ result }) => result === 'ok')
    .flatMap(appendsOf)
    .filter(({ key, append }) => !final.get(key)?.includes(append))
    .map(({ key, append }) => `list ${key} has lost ${append}, which was acknowledged`);
}

function strangeItems(final: ReadonlyMap<number, readonly number[]>, writers: Writers): string[] {
  return [...final].flatMap(([key, items]) =>
    items.flatMap((item, i) => {
      if (items.indexOf(item) !== i) return [`list ${key} has ${item} twice`];
      const writer = writers.get(item);
      if (!writer) return [`list ${key} has ${item}, which nobody appended`];
      return writer.result === 'fail' ? [`list ${key} has ${item}, whose transaction failed`] : [];
    }),
  );
}

function wrongReads(history: readonly Transaction[], final: ReadonlyMap<number, readonly number[]>): string[] {
  return history
    .flatMap(readsOf)
    .filter(({ key, read }) => read.some((item, i) => final.get(key)?.[i] !== item))
    .map(({ key, read }) => `somebody read list ${key} as [${read.join()}], and it never was that`);
}

/** Who came right before whom: wrote before they wrote, wrote what they read, read before they wrote. */
function precedence(
  history: readonly Transaction[],
  final: ReadonlyMap<number, readonly number[]>,
  writers: Writers,
): Map<Transaction, Set<Transaction>> {
  const graph = new Map<Transaction, Set<Transaction>>();
  const before = (one: Transaction | undefined, other: Transaction | undefined): void => {
    if (!one || !other || one === other) return;
    graph.set(one, (graph.get(one) ?? new Set()).add(other));
  };
  const writerAt = (key: number, i: number): Transaction | undefined => writers.get(final.get(key)?.[i] ?? NaN);
  for (const [key, items] of final) items.forEach((_, i) => before(writerAt(key, i), writerAt(key, i + 1)));
  for (const reader of history)
    for (const { key, read } of readsOf(reader)) {
      before(writerAt(key, read.length - 1), reader);
      before(reader, writerAt(key, read.length));
    }
  return graph;
}

/** Depth first, without recursion: chains are as long as a round. */
function findCircle(graph: ReadonlyMap<Transaction, ReadonlySet<Transaction>>): Transaction[] | null {
  const done = new Set<Transaction>();
  for (const root of graph.keys()) {
    const path: { at: Transaction; left: Transaction[] }[] = [];
    const onPath = new Set<Transaction>();
    const enter = (at: Transaction): void => {
      path.push({ at, left: [...(graph.get(at) ?? [])] });
      onPath.add(at);
    };
    if (!done.has(root)) enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.left.pop();
      if (next === undefined) {
        done.add(top.at);
        onPath.delete(top.at);
        path.pop();
      } else if (onPath.has(next)) {
        const transactions = path.map(({ at }) => at);
        return [...transactions.slice(transactions.indexOf(next)), next];
      } else if (!done.has(next)) enter(next);
    }
  }
  return null;
}

const tell = ({ client, op }: Transaction): string =>
  `${client} (${op.steps.map((step) => ('append' in step ? `${step.key} + ${step.append}` : `reads ${step.key}`)).join(', ')})`;
