import { z } from 'zod';
import { packageVersion } from '../../package-version';
import type { CliSettings } from '../settings';
import type { Finding } from './finding';
import { fine, wrong } from './finding';

/** Whether the parts of the control plane are there. */

const PATIENCE_MS = 10_000;
const readiness = z.object({ checks: z.array(z.object({ name: z.string(), ok: z.boolean() })) });
const health = z.object({ version: z.string() });

/** What each part of `/readyz` is, and where its absence is written about. */
const PARTS: Readonly<Record<string, { readonly is: string; readonly page: string }>> = {
  inventory: { is: 'The inventory, which knows all clusters,', page: 'docs/runbooks/inventory-away.md' },
  temporal: { is: 'Temporal, which runs the operations,', page: 'docs/runbooks/temporal-away.md' },
  worker: { is: 'A worker, which does what operations need,', page: 'docs/runbooks/worker-away.md' },
};

export async function examineControlPlane({ url }: CliSettings): Promise<Finding[]> {
  const version = await ask(`${url}/healthz`, health);
  if (version === null) {
    return [wrong('API', `Nothing answers at ${url}.`, 'Run npm start, or set HOLDFAST_URL to where the API is.')];
  }
  const own = packageVersion();
  const release =
    version.version === own
      ? fine('release', `Command and API are of release ${own}.`)
      : wrong(
          'release',
          `The API is of release ${version.version}, this command of ${own}.`,
          'Use the command of the clone that the API runs from.',
        );
  const parts = await ask(`${url}/readyz`, readiness);
  return [fine('API', `It answers at ${url}.`), release, ...(parts?.checks ?? []).map(examinePart)];
}

function examinePart({ name, ok }: { readonly name: string; readonly ok: boolean }): Finding {
  const part = PARTS[name] ?? { is: name, page: 'docs/runbooks/README.md' };
  return ok ? fine(name, `${part.is} is there.`) : wrong(name, `${part.is} is not there.`, `See ${part.page}.`);
}

/** The answer, whatever its status; null when nothing of that shape came. */
async function ask<T>(url: string, shape: z.ZodType<T>): Promise<T | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return shape.parse(await response.json());
  } catch {
    return null;
  }
}
