import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createInventory } from '../../activities/inventory/open';
import type { OpenInventory } from '../../activities/inventory/open';
import { hashToken, makeTokenText } from '../../api/http/auth';
import { makeId } from '../../domain/ids';
import { parseSettings } from '../../domain/schemas/settings';
import { reportEngine } from './support/engine-report';
import type { EngineResult } from './support/engine-report';
import type { IdleCost } from './support/engine/idle';
import { measureIdle } from './support/engine/idle';
import { findProcesses } from './support/engine/processes';
import type { Reader } from './support/engine/reads';
import { measureReads } from './support/engine/reads';
import type { Past } from './support/engine/seed';
import { seedPast } from './support/engine/seed';
import type { Throughput } from './support/engine/throughput';
import { measureThroughput } from './support/engine/throughput';
import { describeMachine } from './support/machine';
import { readOptions } from './support/options';
import type { Chosen } from './support/options';

/**
 * `npm run bench engine [-- --only PART --runs N --clusters N --operations N --requests N --minutes N --json FILE]`: what
 * the engine itself can do, see docs/bench.md. Hosts have no part in it; inventory and Temporal are real.
 */

const PARTS = ['throughput', 'reads', 'idle'] as const;
const COUNTS = { runs: 3, clusters: 1_000, operations: 100_000, requests: 500, minutes: 2 } as const;
const AT_ONCE = 200;
/** Each may ask 600 times a minute. */
const TOKENS = 15;

async function makeTokens({ projects, tokens }: OpenInventory): Promise<string[]> {
  const { id: projectId } = await projects.ensure('default');
  const expiresAt = new Date(Date.now() + 24 * 3600_000).toISOString();
  return Promise.all(
    Array.from({ length: TOKENS }, async () => {
      const id = makeId('tok', Date.now(), randomBytes(16));
      const text = makeTokenText(id);
      await tokens.create({
        id,
        projectId,
        name: 'bench',
        scopes: ['clusters:read'],
        expiresAt,
        hash: hashToken(text),
      });
      return text;
    }),
  );
}

/** Such as `server 1.29.1 on sqlite`. */
async function describeServer({ workflowService }: Client['connection']): Promise<string> {
  const { serverVersion, persistenceStore } = await workflowService.getClusterInfo({});
  return `server ${serverVersion} on ${persistenceStore}`;
}

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

interface Laboratory {
  readonly inventory: OpenInventory;
  readonly client: Client;
  readonly options: Chosen<keyof typeof COUNTS, (typeof PARTS)[number]>;
}

async function measure(laboratory: Laboratory): Promise<EngineResult> {
  const { inventory, client, options } = laboratory;
  const { parts, counts } = options;
  const { clusters, operations, requests } = counts;
  const throughput = parts.includes('throughput') ? await measureRuns(laboratory) : [];
  const alone = parts.every((part) => part === 'throughput');
  const past = alone ? { clusters: [], operations: [] } : await seedPast(inventory, { clusters, operations });
  if (!alone) say(`${clusters} clusters and ${operations} operations are in the inventory`);
  return {
    format: 1,
    machine: await describeMachine(),
    clusters,
    operations,
    reads: parts.includes('reads') ? await measureReads(await openReader(inventory), past, requests) : [],
    idle: parts.includes('idle') ? await measureStandstill(laboratory, past) : null,
    throughput: [{ server: await describeServer(client.connection), runs: throughput }],
  };
}

async function measureRuns({ client, inventory, options }: Laboratory): Promise<Throughput[]> {
  const { runs } = options.counts;
  const all: Throughput[] = [];
  for (let run = 1; run <= runs; run++) {
    const done = await measureThroughput(client, inventory, process.env, AT_ONCE);
    say(`${AT_ONCE} operations at once, ${run} of ${runs}: ${(done.tookMs / 1000).toFixed(1)} s`);
    all.push(done);
  }
  return all;
}

async function openReader(inventory: OpenInventory): Promise<Reader> {
  const { HOLDFAST_HOST: host, HOLDFAST_PORT: port } = parseSettings(process.env);
  const signal = AbortSignal.timeout(600_000);
  return { url: `http://${host}:${port}`, tokens: await makeTokens(inventory), signal };
}

function measureStandstill({ client, options }: Laboratory, past: Past): Promise<IdleCost> {
  const { HOLDFAST_HOME: home } = parseSettings(process.env);
  const pids = findProcesses(home, { worker: 'workers/main.js', API: 'api/http/main.js' });
  return measureIdle(client, past.clusters, pids, options.counts.minutes);
}

async function main(): Promise<void> {
  const settings = parseSettings(process.env);
  const options = readOptions(process.argv.slice(2), {
    counts: COUNTS,
    parts: PARTS,
    jsonFile: join(settings.HOLDFAST_HOME, 'engine.json'),
  });
  const inventory = createInventory(settings.DATABASE_URL);
  const connection = await Connection.connect({ address: settings.TEMPORAL_ADDRESS });
  try {
    const result = await measure({ inventory, client: new Client({ connection }), options });
    process.stdout.write(`\n${reportEngine(result)}\n\n`);
    mkdirSync(dirname(options.jsonFile), { recursive: true });
    writeFileSync(options.jsonFile, `${JSON.stringify(result, null, 2)}\n`);
    say(`also in ${options.jsonFile}`);
  } finally {
    await connection.close();
    await inventory.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
