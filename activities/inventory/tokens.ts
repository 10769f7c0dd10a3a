import type { Database, Sql } from './database';
import { first } from './database';
import type { OwnedToken, Token, TokenTable } from './inventory';
import { ownedTokenRow, tokenRow } from './rows';

const TOUCH_EVERY_MS = 60_000;

export function tokenTable(database: Database): TokenTable {
  return {
    create: (token) => create(database, token),
    findByHash: (hash) => findByHash(database, hash),
    touch: (token) => touch(database, token),
    list: (projectId) =>
      database.rows(tokenRow, 'select * from tokens where project_id = $1 order by id desc', [projectId]),
    revoke: async (projectId, id) => {
      const statement = `update tokens set revoked_at = coalesce(revoked_at, now()) where project_id = $1 and id = $2`;
      return (await database.run(statement, [projectId, id])) > 0;
    },
  };
}

async function findByHash(sql: Sql, hash: string): Promise<OwnedToken | null> {
  return first(
    await sql.rows(
      ownedTokenRow,
      `select token.*, project.name as project_name
         from tokens token join projects project on project.id = token.project_id
        where token.hash = $1`,
      [hash],
    ),
  );
}

async function touch(sql: Sql, { id, lastUsedAt }: Pick<Token, 'id' | 'lastUsedAt'>): Promise<void> {
  if (lastUsedAt !== null && Date.now() - Date.parse(lastUsedAt) < TOUCH_EVERY_MS) return;
  // Another process may have written it since.
  await sql.run(
    `update tokens set last_used_at = now()
      where id = $1 and (last_used_at is null or last_used_at < now() - $2 * interval '1 millisecond')`,
    [id, TOUCH_EVERY_MS],
  );
}

async function create(database: Database, token: Parameters<TokenTable['create']>[0]): Promise<Token> {
  const [created] = await database.rows(
    tokenRow,
    `insert into tokens (id, project_id, name, scopes, expires_at, hash) values ($1, $2, $3, $4, $5, $6) returning *`,
    [token.id, token.projectId, token.name, token.scopes, token.expiresAt, token.hash],
  );
  if (!created) throw new TypeError('an insert gave no row');
  return created;
}
