import type { ClusterView, Fleet } from '../fleet';
import { watchedHostOf } from '../fleet';
import { runSql } from '../postgres/psql';
import { sql } from '../postgres/sql';
import type { DataLook } from './look-at-nodes';
import type { Seen } from './nodes';

/** Looks in which a standby that works received nothing; they are three seconds apart. */
const LOOKS = 10;

const NEXT_SEGMENT = sql`SELECT pg_logical_emit_message(true, 'holdfast', 'next segment') IS NULL; SELECT pg_switch_wal()`;

/**
 * A former primary that crashed for want of space holds the begin of a record whose end would be in the next segment of the log: it
 * asks the new primary for that one, and waits until there is one. Where log goes to an archive a segment lasts a minute; elsewhere
 * this begins one, once for each time that a standby stays away. Does no harm where it waits for something else.
 */
export function createSegmentTurner(
  fleet: Pick<Fleet, 'watchSsh'>,
): (view: ClusterView, data: readonly Seen<DataLook>[]) => Promise<void> {
  const looksWithout = new Map<string, number>();
  return async (view, data) => {
    const primary = data.find(({ look }) => look?.standbys);
    if (!primary) return;
    const streaming = primary.look?.standbys?.map(({ name }) => name) ?? [];
    const longWithout = data.filter(({ node, look }) => {
      const waits = look?.disk.role === 'standby' && !streaming.includes(node.name);
      const key = `${view.cluster.id} ${node.name}`;
      const looks = waits ? (looksWithout.get(key) ?? 0) + 1 : 0;
      if (waits) looksWithout.set(key, looks);
      else looksWithout.delete(key);
      return looks === LOOKS;
    });
    if (longWithout.length === 0) return;
    const host = watchedHostOf(fleet, view, primary.node);
    // What fails here costs one standby its time, and is told by its condition.
    await runSql(view, host, 'postgres', NEXT_SEGMENT, 'begin the next segment of the log').catch(() => undefined);
  };
}
