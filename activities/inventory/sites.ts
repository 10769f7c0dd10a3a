import type { SiteTable } from './backup-tables';
import { siteRow } from './backup-rows';
import type { Database } from './database';

export function siteTable(database: Database): SiteTable {
  return {
    record: (sites) =>
      database.transaction(async (sql) => {
        await sql.run('delete from sites where name <> all ($1)', [sites.map(({ name }) => name)]);
        for (const [position, { name, clouds, endpoint, bucket }] of sites.entries()) {
          await sql.run(
            `insert into sites (name, position, clouds, endpoint, bucket) values ($1, $2, $3, $4, $5)
                 on conflict (name) do update set position = $2, clouds = $3, endpoint = $4, bucket = $5, recorded_at = now()`,
            [name, position, clouds, endpoint, bucket],
          );
        }
      }),
    list: () => database.rows(siteRow, 'select name, endpoint, bucket, clouds from sites order by position'),
  };
}
