import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { OwnInstallation } from '../support/own-installation';
import { openOwnInstallation } from '../support/own-installation';
import { lookAt } from '../system/support/ha-cluster';
import type { FailoverResult, Large } from './support/failover-report';
import { reportFailover } from './support/failover-report';
import { fillCluster, measureCopyAlone, measureRedundancy } from './support/failover/redundancy';
import type { Runs } from './support/failover/runs';
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
import { DEFAULT_SCALE } from './support/pgbench';

/**
 * `npm run bench failover [-- --only PART --runs N --large-runs N --scale N --json FILE]`: for how long clients cannot write, and how
 * long a cluster is without one of its copies, see docs/bench.md.
 * infra/local/bench.ts brings up the control plane that it measures, and removes all that was made.
 */

const PARTS = ['power', 'alone', 'postmaster', 'switchover', 'gateway', 'redundancy'] as const;
type Part = (typeof PARTS)[number];
type Count = 'runs' | 'large-runs' | 'scale';
/** Of the parts that take minutes each there are fewer. */
const DEFAULT_COUNTS: Readonly<Record<Count, number>> = { runs: 10, 'large-runs': 3, scale: DEFAULT_SCALE };
/** Room for the data twice, and its log. */
const STORAGE = '20GiB';

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

async function timed(what: string, act: () => Promise<number>): Promise<number> {
  const ms = await act();
  say(`${what}: ${(ms / 1000).toFixed(1)} s`);
  return ms;
}

async function makeCluster(holdfast: OwnInstallation): Promise<Runs> {
  say('making a cluster');
  const never = { full: null, differential: null, incremental: null };
  const { id } = await holdfast.order({ name: 'bench', plan: 'ha-s', storage: STORAGE, backups: { schedule: never } });
  return { ha: await lookAt(holdfast, await holdfast.succeed(id)), promises: { acknowledged: 0, lost: 0 } };
}

async function measure(holdfast: OwnInstallation, { parts, counts }: Chosen<Count, Part>): Promise<FailoverResult> {
  const runs = await makeCluster(holdfast);
  const times: Small = { power: [], alone: [], postmaster: [], gateway: [], standby: [], primary: [] };
  const switchovers: FailoverResult['switchovers'][number][] = [];
  // In turn, so that what the machine does beside them meets all of them.
  for (let run = 1; run <= counts.runs; run++) {
    const repeat = async (name: keyof Small, act: () => Promise<number>, part: Part): Promise<void> => {
      if (parts.includes(part)) times[name].push(await timed(`${name} ${run} of ${counts.runs}`, act));
    };
    await repeat('power', () => measurePowerLoss(runs), 'power');
    await repeat('alone', () => measurePowerLossAlone(runs), 'alone');
    await repeat('postmaster', () => measurePostmaster(runs), 'postmaster');
    await repeat('gateway', () => measureGateway(runs), 'gateway');
    await repeat('standby', () => measureRedundancy(runs, 'standby'), 'redundancy');
    await repeat('primary', () => measureRedundancy(runs, 'primary'), 'redundancy');
    if (!parts.includes('switchover')) continue;
    switchovers.push(await measureSwitchover(runs));
    say(`switchover ${run} of ${counts.runs}: ${JSON.stringify(switchovers.at(-1))}`);
  }
  const { power: powerMs, alone: powerAloneMs, postmaster: postmasterMs, gateway: gatewayMs, ...small } = times;
  const large = parts.includes('redundancy') ? await measureLarge(runs, counts) : null;
  const redundancy = { standbyMs: small.standby, primaryMs: small.primary, large };
  const measured = { powerMs, powerAloneMs, postmasterMs, gatewayMs, switchovers, redundancy };
  return { format: 1, machine: await describeMachine(), ...measured, ...runs.promises };
}

type Small = Record<'power' | 'alone' | 'postmaster' | 'gateway' | 'standby' | 'primary', number[]>;

/** Last of all, for the data stays. */
async function measureLarge(runs: Runs, counts: Readonly<Record<Count, number>>): Promise<Large> {
  say(`filling it (scale ${counts.scale})`);
  const bytes = await fillCluster(runs, counts.scale);
  const [standbyMs, copyMs]: [number[], number[]] = [[], []];
  const times = counts['large-runs'];
  for (let run = 1; run <= times; run++) {
    copyMs.push(await timed(`pg_basebackup alone ${run} of ${times}`, () => measureCopyAlone(runs)));
    standbyMs.push(await timed(`standby with data ${run} of ${times}`, () => measureRedundancy(runs, 'standby')));
  }
  return { bytes, standbyMs, copyMs };
}

async function main(): Promise<void> {
  const holdfast = await openOwnInstallation();
  const options = readOptions(process.argv.slice(2), {
    counts: DEFAULT_COUNTS,
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
