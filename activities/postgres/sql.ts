import { escapeIdentifier, escapeLiteral } from 'pg';

/** SQL whose values are always quoted: {@link sql} is the only way to make it. */

declare const quoted: unique symbol;
export type SqlText = string & { readonly [quoted]: true };

/** A name in a statement: `sql`…${identifier(owner)}``. Plain strings become literals. */
export interface Identifier {
  readonly identifier: string;
}

/** A piece of a statement that was quoted already. */
export interface Fragment {
  readonly fragment: SqlText;
}

export const fragment = (text: SqlText): Fragment => ({ fragment: text });
export const identifier = (name: string): Identifier => ({ identifier: name });

// The one place that may call a string SqlText: every value in it was quoted just before.
const trusted = (text: string): SqlText => text as SqlText;

type Value = string | number | Identifier | Fragment;

/** Builds a statement: strings become literals, numbers stay, {@link identifier}s are quoted as names. */
export function sql(template: TemplateStringsArray, ...values: readonly Value[]): SqlText {
  return trusted(template.raw.reduce((text, literal, i) => text + quote(values[i - 1]) + literal));
}

/** Statements one after the other. */
export function script(...statements: readonly SqlText[]): SqlText {
  return trusted(statements.map((statement) => `${statement};\n`).join(''));
}

/** Runs the statement that `text` is, unless `exists` selects a row: for what has no IF NOT EXISTS. psql only. */
export function unless(exists: SqlText, text: SqlText): SqlText {
  return trusted(`${sql`SELECT ${text}`} WHERE NOT EXISTS (${exists}) \\gexec\n`);
}

/** Runs the statements that a query selects. psql only. */
export function generated(query: SqlText): SqlText {
  return trusted(`${query} \\gexec\n`);
}

/** Runs the statement that `text` is, when `exists` selects a row. psql only. */
export function when(exists: SqlText, text: SqlText): SqlText {
  return trusted(`${sql`SELECT ${text}`} WHERE EXISTS (${exists}) \\gexec\n`);
}

function quote(value: Value | undefined): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escapeLiteral(withoutNul(value));
  if (value && 'fragment' in value) return value.fragment;
  return value ? escapeIdentifier(withoutNul(value.identifier)) : '';
}

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new Error('PostgreSQL cannot hold a NUL character in a text');
  return text;
}
