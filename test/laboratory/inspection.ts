import { login, query } from '../system/support/endpoint';
import { findLost } from '../system/support/ledger';
import type { Found, Violations } from './checks/round';
import { checkRound } from './checks/round';
import type { Laboratory } from './laboratory';
import type { Done } from './load/history';
import { attemptsOf, now, of } from './load/history';
import { TOTAL } from './load/tables';

/** Reads all that there is through the endpoint, and judges it by what clients were told. @throws when nothing can be read. */
export async function inspect(laboratory: Laboratory, history: readonly Done[]): Promise<Violations> {
  const config = login(laboratory.ha.credentials, 'primaryPort');
  const rows = await query<{ number: number }>(config, 'select number from inserts');
  const [sum] = await query<{ total: string }>(config, 'select sum(balance) as total from accounts');
  const lists = await query<{ key: number; items: number[] }>(config, 'select key, items from lists');
  const keys = new Set(of(history, 'lists').flatMap(({ op }) => op.steps.map(({ key }) => key)));
  const found: Found = {
    inserted: new Set(rows.map(({ number }) => number)),
    total: Number(sum?.total),
    lists: new Map(lists.filter(({ key }) => keys.has(key)).map(({ key, items }) => [key, items])),
  };
  const attempts = [...laboratory.attempts, ...attemptsOf(history)];
  const seen = [...history, ...(await readRegisters(laboratory, history))];
  // Each loss is told once.
  const lost = new Set(findLost(attempts, found.inserted));
  laboratory.attempts = attempts.filter(({ number }) => !lost.has(number));
  return checkRound({ history: seen, attempts, found }, TOTAL);
}

/** The last look at each register of the round, as one more client's. */
async function readRegisters({ ha }: Laboratory, history: readonly Done[]): Promise<Done[]> {
  const keys = [...new Set(of(history, 'read', 'write', 'cas').map(({ op }) => op.key))];
  const beganAt = now();
  const rows = await query<{ key: number; value: number }>(
    login(ha.credentials, 'primaryPort'),
    'select key, value from registers',
  );
  const values = new Map(rows.map(({ key, value }) => [key, value]));
  return keys.map((key) => ({
    client: 'observer',
    result: 'ok',
    beganAt,
    endedAt: now(),
    op: { key, kind: 'read', value: values.get(key) ?? null },
  }));
}
