import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseSettings } from '../../domain/schemas/settings';
import type { BareOptions } from './support/bare-cluster';
import { measureBareCluster, removeBareCluster } from './support/bare-cluster';
import { createClient } from './support/client';
import { describeMachine } from './support/machine';
import { readOptions } from './support/options';
import { reportProvision } from './support/provision-report';
import type { ProvisionResult } from './support/provision-report';
import type { Bench } from './support/provision-runs';
import { measurePlan, measureTogether } from './support/provision-runs';

/**
 * `npm run bench provision [-- --runs N --json FILE]`: how long a cluster takes to be made, see docs/bench.md.
 * infra/local/bench.ts brings up the control plane that it measures, and removes all that was made.
 */

const TOGETHER = 3;
const DEFAULT_RUNS = 5;
/** Three clusters at once take minutes to be made and deleted. */
const MOST_ROUNDS = 3;

async function measure(bench: Bench, bare: BareOptions, runs: number): Promise<ProvisionResult> {
  const sandbox = await measurePlan(bench, 'sandbox', runs);
  const ha = await measurePlan(bench, 'ha-s', runs);
  const togetherMs: number[] = [];
  for (let round = 1; round <= Math.min(runs, MOST_ROUNDS); round++)
    togetherMs.push(await measureTogether(bench, 'ha-s', TOGETHER, round));
  const bareMs = await measureBare(bench, bare, runs);
  return { format: 1, machine: await describeMachine(), sandbox, ha, togetherCount: TOGETHER, togetherMs, bareMs };
}

async function measureBare({ say }: Bench, bare: BareOptions, runs: number): Promise<number[]> {
  await measureBareCluster(bare); // Warm-up, as for ours.
  const tookMs: number[] = [];
  for (let run = 1; run <= runs; run++) {
    const ms = await measureBareCluster(bare);
    say(`bare script ${run} of ${runs}: ${(ms / 1000).toFixed(1)} s`);
    tookMs.push(ms);
  }
  return tookMs;
}

/** The very image that the control plane boots, as `npm start` keeps it. */
function goldenImage(home: string): string {
  const image = z.object({ id: z.string() }).parse(JSON.parse(readFileSync(join(home, 'image.json'), 'utf8')));
  return image.id;
}

async function main(): Promise<void> {
  const { HOLDFAST_HOME: home, HOLDFAST_INSTALL_ID: installId, ...settings } = parseSettings(process.env);
  const choices = { counts: { runs: DEFAULT_RUNS }, parts: ['provision'], jsonFile: join(home, 'provision.json') };
  const {
    counts: { runs },
    jsonFile,
  } = readOptions(process.argv.slice(2), choices);
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort(new Error('interrupted')));
  const { signal } = stop;
  const token = readFileSync(join(home, 'token'), 'utf8').trim();
  const client = createClient({ url: `http://${settings.HOLDFAST_HOST}:${settings.HOLDFAST_PORT}`, token, signal });
  const say = (line: string): void => void process.stderr.write(`  ${line}\n`);
  const bare = { installId, home, image: goldenImage(home), signal };
  try {
    const result = await measure({ client, workerLog: join(home, 'logs', 'worker.log'), say }, bare, runs);
    process.stdout.write(`\n${reportProvision(result)}\n\n`);
    mkdirSync(dirname(jsonFile), { recursive: true });
    writeFileSync(jsonFile, `${JSON.stringify(result, null, 2)}\n`);
    say(`also in ${jsonFile}`);
  } finally {
    await removeBareCluster({ ...bare, signal: new AbortController().signal });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
