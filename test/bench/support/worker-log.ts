import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Call } from './critical-path';

/** What a worker at log level debug tells about the time it spent. */
export interface WorkerTimes {
  /** Commands on hosts, calls of the cloud and SQL through the endpoint: waiting for others. */
  readonly remoteCalls: readonly Call[];
  /** Activities of the operation's steps, from their begin in the worker to their end. */
  readonly activities: readonly Call[];
}

export interface LoggedCluster {
  readonly id: string;
  readonly name: string;
  readonly operationId: string;
}

const ended = { time: z.number() };
const command = z.object({
  ...ended,
  host: z.string(),
  title: z.string(),
  tookMs: z.number(),
  givenUp: z.boolean().optional(),
});
const cloudCall = z.object({
  ...ended,
  cloud: z.string(),
  call: z.string(),
  token: z.string().nullable(),
  tookMs: z.number(),
});
const activity = z.object({ ...ended, activity: z.string(), operation: z.string(), durationMs: z.number() });

/** Connects to the endpoint as a user would: next to all of it is waiting for PostgreSQL. */
const ALL_REMOTE = 'proveEndpoint';

/** Reads the lines that are about one cluster and its operation. */
export function readWorkerLog(file: string, cluster: LoggedCluster): WorkerTimes {
  return parseWorkerLog(readFileSync(file, 'utf8').split('\n'), cluster);
}

export function parseWorkerLog(lines: readonly string[], { id, name, operationId }: LoggedCluster): WorkerTimes {
  const remoteCalls: Call[] = [];
  const activities: Call[] = [];
  for (const line of lines) {
    const entry = parseJson(line);
    const ran = command.safeParse(entry).data;
    const [clusterOfHost, node] = ran?.host.split('/') ?? [];
    if (ran && clusterOfHost === name && !isGivenUp(ran))
      remoteCalls.push(callOf(`${node}: ${ran.title}`, ran.time, ran.tookMs));
    const asked = cloudCall.safeParse(entry).data;
    // A call without a token (what the cloud can do) may have been for any cluster of that moment.
    if (asked && (asked.token === null || asked.token.startsWith(`${id}/`)))
      remoteCalls.push(callOf(`${asked.token?.split('/')[1] ?? asked.cloud}: ${asked.call}`, asked.time, asked.tookMs));
    const done = activity.safeParse(entry).data;
    if (done?.operation !== operationId) continue;
    const call = callOf(done.activity, done.time, done.durationMs);
    activities.push(call);
    if (done.activity === ALL_REMOTE) remoteCalls.push(call);
  }
  return { remoteCalls, activities };
}

/** A command that the worker itself ended, because another one of the same kind was faster: nobody waits for its end. */
const isGivenUp = ({ givenUp }: z.output<typeof command>): boolean => givenUp === true;

const callOf = (name: string, endMs: number, tookMs: number): Call => ({ name, startMs: endMs - tookMs, endMs });

/** Node itself may write lines that are no JSON. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
