import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OwnInstallation } from '../support/own-installation';
import { openOwnInstallation } from '../support/own-installation';
import { lookAt } from '../system/support/ha-cluster';
import type { FailoverResult } from './support/failover-report';
import { reportFailover } from './support/failover-report';
import type { Promises } from './support/failover/runs';
import {
  measureGateway,
  measurePostmaster,
  measurePowerLoss,
  measurePowerLossAlone,
  measureSwitchover,
} from './support/failover/runs';
import { describeMachine } from './support/machine';
import type { Chosen } from './support/options';
import { readOptions } from './support/options';

/**
 * `npm run bench failover [-- --only PART --runs N --json FILE]`: for how long clients cannot write, see docs/bench.md.
 * infra/local/bench.ts brings up the control plane that it measures, and removes all that was made.
 */

const PARTS = ['power', 'alone', 'postmaster', 'switchover', 'gateway'] as const;
type Part = (typeof PARTS)[number];
const DEFAULT_RUNS = 10;

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function measure(holdfast: OwnInstallation, { parts, counts }: Chosen<'runs', Part>): Promise<FailoverResult> {
  say('making a cluster');
  const { id } = await holdfast.order({ name: 'bench', plan: 'ha-s' });
  const ha = await lookAt(holdfast, await holdfast.succeed(id));
  const promises: Promises = { acknowledged: 0, lost: 0 };
  const runs = { ha, promises };
  const times: Record<Exclude<Part, 'switchover'>, number[]> = { power: [], alone: [], postmaster: [], gateway: [] };
  const switchovers: FailoverResult['switchovers'][number][] = [];
  // In turn, so that what the machine does beside them meets all of them.
  for (let run = 1; run <= counts.runs; run++) {
    const repeat = async (part: keyof typeof times, act: () => Promise<number>): Promise<void> => {
      if (!parts.includes(part)) return;
      const ms = await act();
      times[part].push(ms);
      say(`${part} ${run} of ${counts.runs}: ${(ms / 1000).toFixed(1)} s`);
    };
    await repeat('power', () => measurePowerLoss(runs));
    await repeat('alone', () => measurePowerLossAlone(runs));
    await repeat('postmaster', () => measurePostmaster(runs));
    await repeat('gateway', () => measureGateway(runs));
    if (!parts.includes('switchover')) continue;
    switchovers.push(await measureSwitchover(runs));
    say(`switchover ${run} of ${counts.runs}: ${JSON.stringify(switchovers.at(-1))}`);
  }
  const { power: powerMs, alone: powerAloneMs, postmaster: postmasterMs, gateway: gatewayMs } = times;
  const measured = { powerMs, powerAloneMs, postmasterMs, gatewayMs, switchovers };
  return { format: 1, machine: await describeMachine(), ...measured, ...promises };
}

async function main(): Promise<void> {
  const holdfast = await openOwnInstallation();
  const options = readOptions(process.argv.slice(2), {
    counts: { runs: DEFAULT_RUNS },
    parts: PARTS,
    jsonFile: join(holdfast.home, 'failover.json'),
  });
  try {
    const result = await measure(holdfast, options);
    process.stdout.write(`\n${reportFailover(result)}\n\n`);
    mkdirSync(dirname(options.jsonFile), { recursive: true });
    writeFileSync(options.jsonFile, `${JSON.stringify(result, null, 2)}\n`);
    say(`also in ${options.jsonFile}`);
  } finally {
    await holdfast.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
