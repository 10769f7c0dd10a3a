import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { createInventory } from '../../activities/inventory/open';
import type { OpenInventory } from '../../activities/inventory/open';
import { hashToken, makeTokenText } from '../../api/http/auth';
import { makeId } from '../../domain/ids';
import { parseSettings } from '../../domain/schemas/settings';
import { reportEngine } from './support/engine-report';
import type { EngineResult } from './support/engine-report';
import { measureIdle } from './support/engine/idle';
import { findProcesses } from './support/engine/processes';
import { measureReads } from './support/engine/reads';
import { seedPast } from './support/engine/seed';
import type { Throughput } from './support/engine/throughput';
import { measureThroughput } from './support/engine/throughput';
import { describeMachine } from './support/machine';

/**
 * `npm run bench engine [-- --minutes N --runs N --json FILE]`: what the engine itself can do, see docs/bench.md. Hosts
 * have no part in it; inventory and Temporal are real.
 */

const CLUSTERS = 1_000;
const OPERATIONS = 100_000;
const AT_ONCE = 200;
const READS = 500;
/** Each may ask 600 times a minute. */
const TOKENS = 15;

interface Options {
  readonly runs: number;
  readonly minutes: number;
  readonly jsonFile: string;
}

function readOptions(args: readonly string[], home: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string' }, minutes: { type: 'string' }, json: { type: 'string' } },
  });
  const wholeNumber = (name: 'runs' | 'minutes', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on`);
    return value;
  };
  const jsonFile = resolve(values.json ?? join(home, 'engine.json'));
  return { runs: wholeNumber('runs', 3), minutes: wholeNumber('minutes', 2), jsonFile };
}

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

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function measure(inventory: OpenInventory, client: Client, options: Options): Promise<EngineResult> {
  const { HOLDFAST_HOME: home, HOLDFAST_HOST: host, HOLDFAST_PORT: port } = parseSettings(process.env);
  const throughput: Throughput[] = [];
  for (let run = 1; run <= options.runs; run++) {
    const done = await measureThroughput(client, inventory, process.env, AT_ONCE);
    say(`${AT_ONCE} operations at once, ${run} of ${options.runs}: ${(done.tookMs / 1000).toFixed(1)} s`);
    throughput.push(done);
  }
  const past = await seedPast(inventory, { clusters: CLUSTERS, operations: OPERATIONS });
  say(`${CLUSTERS} clusters and ${OPERATIONS} operations are in the inventory`);
  const reader = {
    url: `http://${host}:${port}`,
    tokens: await makeTokens(inventory),
    signal: AbortSignal.timeout(600_000),
  };
  const reads = await measureReads(reader, past, READS);
  const pids = findProcesses(home, { worker: 'workers/main.js', API: 'api/http/main.js' });
  const idle = await measureIdle(client, past.clusters, pids, options.minutes);
  return {
    format: 1,
    machine: await describeMachine(),
    clusters: CLUSTERS,
    operations: OPERATIONS,
    reads,
    idle,
    throughput: [{ server: 'development server', runs: throughput }],
  };
}

async function main(): Promise<void> {
  const settings = parseSettings(process.env);
  const options = readOptions(process.argv.slice(2), settings.HOLDFAST_HOME);
  const inventory = createInventory(settings.DATABASE_URL);
  const connection = await Connection.connect({ address: settings.TEMPORAL_ADDRESS });
  try {
    const result = await measure(inventory, new Client({ connection }), options);
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
