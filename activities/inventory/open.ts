import { archivingTable } from './archiving';
import { appendAudit } from './audit';
import type { DatabaseOptions } from './database';
import { openDatabase } from './database';
import type { Database } from './database';
import { backupTable } from './backups';
import { clusterTable } from './clusters';
import { drillTable } from './drills';
import { dumpTable } from './dumps';
import { openEventFeed } from './event-feed';
import { failoverTable } from './failovers';
import { heartbeatTable } from './heartbeats';
import { floatingAddressTable } from './floating-addresses';
import { hostTable } from './hosts';
import { imageTable } from './images';
import type { Inventory, Tables } from './inventory';
import { nodeTable } from './nodes';
import { once } from './once';
import { operationTable } from './operations';
import { policyChangeTable } from './policy-changes';
import { projectTable } from './projects';
import { recoveryTable } from './recoveries';
import { replacementTable } from './replacements';
import { restorePointTable } from './restore-points';
import { siteTable } from './sites';
import { swapTable } from './swaps';
import { timelineTable } from './timelines';
import { tokenTable } from './tokens';
import { watchingTable } from './watching';

/** The inventory with the database it stands on, which the secret store shares. */
export interface OpenInventory extends Inventory {
  readonly database: Database;
}

/** Opens the inventory; connects at the first use. Its tables are made by {@link migrate} before. */
export function createInventory(databaseUrl: string, options: DatabaseOptions = {}): OpenInventory {
  const database = openDatabase(databaseUrl, options);
  const feed = openEventFeed(databaseUrl, options.logger);
  const tablesOn = (on: Database): Tables => ({
    tokens: tokenTable(on),
    clusters: clusterTable(on),
    nodes: nodeTable(on),
    heartbeats: heartbeatTable(on),
    archiving: archivingTable(on),
    operations: operationTable(on, feed),
    hosts: hostTable(on),
    floatingAddresses: floatingAddressTable(on),
  });
  return {
    database,
    ...tablesOn(database),
    projects: projectTable(database),
    images: imageTable(database),
    sites: siteTable(database),
    timelines: timelineTable(database),
    backups: backupTable(database),
    drills: drillTable(database),
    dumps: dumpTable(database),
    policyChanges: policyChangeTable(database),
    swaps: swapTable(database),
    failovers: failoverTable(database),
    replacements: replacementTable(database),
    recoveries: recoveryTable(database),
    watching: watchingTable(database),
    restorePoints: restorePointTable(database),
    once: (idempotency, shape, change) => once(database, tablesOn, idempotency, shape, change),
    audit: (entry) => database.transaction((sql) => appendAudit(sql, entry)),
    ping: () =>
      database.run('select 1').then(
        () => true,
        () => false,
      ),
    close: async () => {
      await Promise.all([feed.close(), database.close()]);
    },
  };
}
