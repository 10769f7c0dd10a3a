import type { ClientConfig } from 'pg';
import { query } from '../../system/support/endpoint';

/** The tables of the load, in the user's own database. */

export const ACCOUNTS = 8;
export const OPENING_BALANCE = 1_000;
export const TOTAL = ACCOUNTS * OPENING_BALANCE;

const TABLES = [
  'create table inserts (number int primary key)',
  'create table accounts (id int primary key, balance int not null)',
  `insert into accounts select id, ${OPENING_BALANCE} from generate_series(1, ${ACCOUNTS}) id`,
  'create table registers (key int primary key, value int not null)',
  'create table lists (key int primary key, items int[] not null)',
  // Written on each data node by itself, see probe.ts.
  'create table probes (at timestamptz not null default clock_timestamp())',
];

export async function createTables(config: ClientConfig): Promise<void> {
  for (const statement of TABLES) await query(config, statement);
}
