import type { SiteTable } from './backup-tables';
import { siteRow } from './backup-rows';
import type { Database } from './database';

export function siteTable(database: Database): SiteTable {
  return {
    record: (sites) =>
      database.transaction(async (sql) => {
        await sql.run('delete from sites where name <> all ($1)', [sites.map(({ name }) => name)]);
        for (const [position, site] of sites.entries()) {
          const {
            name,
            clouds,
            endpoint,
            bucket,
            region = null,
            pathStyle = null,
            accounts = null,
            caPem = null,
          } = site;
          await sql.run(
            `insert into sites (name, position, clouds, endpoint, bucket, region, path_style, accounts, ca_pem)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                 on conflict (name) do update set position = $2, clouds = $3, endpoint = $4, bucket = $5,
                   region = $6, path_style = $7, accounts = $8, ca_pem = $9, recorded_at = now()`,
            [name, position, clouds, endpoint, bucket, region, pathStyle, accounts, caPem],
          );
        }
      }),
    list: () => database.rows(siteRow, 'select * from sites order by position'),
  };
}
