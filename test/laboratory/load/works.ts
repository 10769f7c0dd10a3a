import { oneOf, shuffled } from '../../support/chance';
import type { ListStep, ListTransaction, RegisterOperation } from './history';
import type { Session } from './session';
import { ACCOUNTS } from './tables';
import type { Work } from './client';

/** What clients of the endpoint do: a maker for each kind, which is asked for the next piece again and again. */

export type Works = () => Work;

/** Numbers that are given out once: keys, values, rows. */
export type Numbers = () => number;
export const countFrom = (first: number): Numbers => {
  let next = first;
  return () => next++;
};

/** Rows, each once. */
export function inserts(numbers: Numbers): Works {
  return () => {
    const op = { kind: 'insert', number: numbers() } as const;
    return {
      op,
      async run(session) {
        await session.commit('insert into inserts values ($1)', [op.number]);
        return op;
      },
    };
  };
}

const MOST_MOVED = 100;

/** Money from one account to another, and now and then a look at the sum of all. */
export function bank(random: () => number): Works {
  const look: Work = {
    op: { kind: 'total', total: null },
    async run(session) {
      const rows = await session.query<{ total: string }>('select sum(balance) as total from accounts');
      return { kind: 'total', total: Number(rows[0]?.total) };
    },
  };
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => i + 1);
  return () => {
    if (random() < 0.3) return look;
    const [from = 1, to = 2] = shuffled(accounts, random);
    const op = { kind: 'transfer', from, to, amount: Math.ceil(random() * MOST_MOVED) } as const;
    return {
      op,
      async run(session) {
        await session.query('begin');
        // In the order of their ids: two transfers never wait for each other.
        for (const id of [from, to].sort((a, b) => a - b))
          await session.query('update accounts set balance = balance + $1 where id = $2', [
            id === from ? -op.amount : op.amount,
            id,
          ]);
        await session.commit('commit');
        return op;
      },
    };
  };
}

/** Reads, writes, and compares and swaps of single rows. @param values never written before. */
export function registers(keys: readonly number[], values: Numbers, random: () => number): Works {
  const seen = new Map<number, number>();
  return () => {
    const key = oneOf(keys, random);
    const expected = seen.get(key);
    const lot = random();
    const op: RegisterOperation =
      lot < 0.4
        ? { key, kind: 'read', value: null }
        : lot < 0.7 || expected === undefined
          ? { key, kind: 'write', value: values() }
          : { key, kind: 'cas', expected, value: values(), swapped: null };
    return {
      op,
      async run(session) {
        const told = await useRegister(session, op);
        if (told.kind !== 'cas' && told.value !== null) seen.set(key, told.value);
        return told;
      },
    };
  };
}

async function useRegister(session: Session, op: RegisterOperation): Promise<RegisterOperation> {
  const { key } = op;
  if (op.kind === 'read') {
    const rows = await session.query<{ value: number }>('select value from registers where key = $1', [key]);
    return { ...op, value: rows[0]?.value ?? null };
  }
  if (op.kind === 'write') {
    const write = 'insert into registers values ($1, $2) on conflict (key) do update set value = excluded.value';
    await session.commit(write, [key, op.value]);
    return op;
  }
  const swap = 'update registers set value = $3 where key = $1 and value = $2 returning key';
  const rows = await session.commit(swap, [key, op.expected, op.value]);
  return { ...op, swapped: rows.length > 0 };
}

const MOST_STEPS = 3;

/** Serialisable transactions that append to lists and read others. @param values never appended before. */
export function lists(keys: readonly number[], values: Numbers, random: () => number): Works {
  return () => {
    const chosen = shuffled(keys, random).slice(0, 1 + Math.floor(random() * MOST_STEPS));
    const steps = chosen.map((key): ListStep => (random() < 0.5 ? { key, append: values() } : { key, read: null }));
    const op: ListTransaction = { kind: 'lists', steps };
    return {
      op,
      async run(session) {
        await session.query('begin isolation level serializable');
        const told: ListStep[] = [];
        for (const step of steps) told.push(await useList(session, step));
        await session.commit('commit');
        return { ...op, steps: told };
      },
    };
  };
}

async function useList(session: Session, step: ListStep): Promise<ListStep> {
  const { key } = step;
  if ('append' in step) {
    const append =
      'insert into lists values ($1, array[$2::int]) on conflict (key) do update set items = lists.items || $2::int';
    await session.query(append, [key, step.append]);
    return step;
  }
  const rows = await session.query<{ items: number[] }>('select items from lists where key = $1', [key]);
  return { key, read: rows[0]?.items ?? [] };
}
