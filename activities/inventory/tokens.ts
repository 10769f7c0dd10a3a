import type { Database } from './database';
import { first } from './database';
import type { Token, TokenTable } from './inventory';
import { tokenRow } from './rows';

export function tokenTable(database: Database): TokenTable {
  return {
    create: (token) => create(database, token),
    findByHash: async (hash) => first(await database.rows(tokenRow, 'select * from tokens where hash = $1', [hash])),
    touch: async (id) => {
      await database.run(
        `update tokens set last_used_at = now()
          where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
        [id],
      );
    },
    list: (projectId) =>
      database.rows(tokenRow, 'select * from tokens where project_id = $1 order by id desc', [projectId]),
    revoke: async (projectId, id) => {
      const statement = `update tokens set revoked_at = coalesce(revoked_at, now()) where project_id = $1 and id = $2`;
      return (await database.run(statement, [projectId, id])) > 0;
    },
  };
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
