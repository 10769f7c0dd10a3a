import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Holdfast } from '../../support/holdfast';
import type { Secret } from '../support/secret-search';
import { secretsOf } from '../support/secret-search';

/**
 * What must not be found. Secrets of a cluster are read again and again while operations run, because a delete forgets
 * them; those of the installation are the same all the time.
 */
export interface SecretWatch {
  /** All that were seen, each once. */
  stop(): Promise<Secret[]>;
}

const EVERY_MS = 200;
const rowSchema = z.object({
  name: z.string(),
  project_id: z.custom<`prj_${string}`>(),
  cluster_id: z.custom<`clu_${string}`>(),
});

export function watchSecrets({ database, fleet }: Holdfast): SecretWatch {
  const seen = new Map<string, Secret[]>();
  let over = false;
  const look = async (): Promise<void> => {
    const rows = z.array(rowSchema).parse(await database.query('select name, project_id, cluster_id from secrets'));
    for (const { name, project_id: projectId, cluster_id: clusterId } of rows) {
      const id = `${clusterId}/${name}`;
      if (seen.has(id)) continue;
      // It may be deleted between the two looks: then another one is enough.
      const value = await fleet.secrets.read({ projectId, clusterId, name }).catch(() => null);
      if (value !== null) seen.set(id, secretsOf(name, value));
    }
  };
  const watching = (async () => {
    while (!over) {
      await look().catch(() => undefined); // The next look is soon enough, and a test that failed needs none.
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  })();
  return {
    async stop() {
      over = true;
      await watching;
      return [...seen.values()].flat();
    },
  };
}

/** The master key in the forms that a leak would have it in, the keys of histories, the control key and the token. */
export async function installationSecrets({ home, token, database, fleet }: Holdfast): Promise<Secret[]> {
  const master = readFileSync(home.path('key'), 'utf8').trim();
  const rows = await database.query<{ id: string }>('select id from history_keys');
  const keys = await Promise.all(rows.map(({ id }) => fleet.historyKeys.find(id)));
  const forms = (name: string, hex: string): Secret[] =>
    [hex, Buffer.from(hex, 'hex').toString('base64'), Buffer.from(hex, 'hex').toString('latin1')].map((text) => ({
      name,
      text,
    }));
  return [
    ...forms('master key', master),
    ...keys.flatMap((key) => forms('history key', key?.toString('hex') ?? '')),
    ...secretsOf('API token', token),
    ...secretsOf('control key', readFileSync(home.path('ssh', 'control_ed25519'), 'utf8')),
  ];
}
