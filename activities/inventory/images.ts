import type { Database } from './database';
import { first } from './database';
import type { ImageTable } from './inventory';
import { imageRow } from './rows';

export function imageTable(database: Database): ImageTable {
  return {
    record: async (cloud, reference, catalogue) => {
      await database.run(
        `insert into images (cloud, reference, catalogue) values ($1, $2, $3::jsonb)
             on conflict (cloud, reference) do update set catalogue = excluded.catalogue, recorded_at = clock_timestamp()`,
        [cloud, reference, JSON.stringify(catalogue)],
      );
    },
    current: async (cloud) =>
      first(
        await database.rows(
          imageRow,
          'select reference, catalogue from images where cloud = $1 order by recorded_at desc limit 1',
          [cloud],
        ),
      ),
  };
}
