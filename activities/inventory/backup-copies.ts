import { z } from 'zod';
import type { BackupCopy } from '../../domain/backups';
import { copyRow } from './backup-rows';
import type { BackupTable, SetPlace } from './backup-tables';
import type { Database, SqlValue } from './database';
import { first } from './database';
import { fenced } from './fence';

/** What is known of the copies of backups, and whether they were found to be good. */

type CopyTable = Pick<
  BackupTable,
  'copies' | 'fullCopies' | 'findCopy' | 'listUnread' | 'recordManifest' | 'markVerified'
>;

const ITS_PLACE = 'timeline_id = $1 and site = $2 and set_id = $3';
const valuesOf = ({ timelineId, site, setId }: SetPlace): SqlValue[] => [timelineId, site, setId];

export function copyTable(database: Database): CopyTable {
  const list = async (condition: string, values: readonly SqlValue[]): Promise<BackupCopy[]> => {
    const query = `select to_json(copy) as copy from backup_copies copy where ${condition} order by started_at, site`;
    const rows = await database.rows(z.object({ copy: copyRow }), query, values);
    return rows.map(({ copy }) => copy);
  };
  return {
    copies: (id) => list('timeline_id = $1 and removed_at is null', [id]),
    fullCopies: (id) => list(`timeline_id = $1 and removed_at is null and type = 'full'`, [id]),
    findCopy: async (place) => first(await list(ITS_PLACE, valuesOf(place))),
    listUnread: async (id, site) => {
      const condition = 'timeline_id = $1 and site = $2 and removed_at is null and manifest_sha256 is null';
      return (await list(condition, [id, site])).map(({ setId }) => setId);
    },
    recordManifest: async (place, sha256) => {
      const set = 'manifest_sha256 = coalesce(manifest_sha256, $4)';
      await database.run(`update backup_copies set ${set} where ${ITS_PLACE}`, [...valuesOf(place), sha256]);
    },
    markVerified: (ref, place) =>
      fenced(database, ref, async (sql) => {
        await sql.run(`update backup_copies set verified_at = now() where ${ITS_PLACE}`, valuesOf(place));
      }),
  };
}
