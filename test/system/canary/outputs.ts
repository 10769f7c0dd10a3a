import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { compiled } from '../../../infra/local/project';
import { commandIn } from '../../support/command';
import type { Holdfast } from '../../support/holdfast';
import type { Place } from '../support/secret-search';

/** What an operator sees who follows operations, looks after the master key or runs a benchmark. */

const operationsSchema = z.object({ items: z.array(z.object({ id: z.string() })) });

/** The stream of an operation's events as it comes over the wire, from the first one until the operation ends. */
export async function eventStream({ url, token }: Holdfast, id: string): Promise<string> {
  const answer = await fetch(`${url}/v1/operations/${id}/events`, { headers: { Authorization: `Bearer ${token}` } });
  return answer.text();
}

/** The streams of all operations, which have ended, and those that were read while operations ran. */
export async function eventStreams(holdfast: Holdfast, live: readonly Promise<string>[]): Promise<Place[]> {
  const { items } = operationsSchema.parse((await holdfast.api('GET', '/v1/operations')).body);
  const again = await Promise.all(items.map(({ id }) => eventStream(holdfast, id)));
  return [
    { name: 'event streams', text: again.join('\n'), control: 'event: step' },
    { name: 'event streams as they came', text: (await Promise.all(live)).join('\n'), control: 'event: step' },
  ];
}

/** `holdfast key …` on the machine of the control plane: all that it prints. */
export async function keyCommand(
  { home, database }: Holdfast,
  verb: 'list' | 'rotate',
  control: string,
): Promise<Place> {
  const command = commandIn(home.folder, { HOLDFAST_HOME: home.folder, DATABASE_URL: database.url });
  const { stdout, stderr } = await command.run(['key', verb]);
  return { name: `key ${verb}`, text: `${stdout}\n${stderr}`, control };
}

/** The smallest run of `npm run bench engine`, on this control plane: all that it prints, and the file that it writes. */
export async function engineBench(holdfast: Holdfast, control: string, more: readonly string[] = []): Promise<Place> {
  const { home, database, temporalAddress, url } = holdfast;
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'));
  const file = path.join(folder, 'figures.json');
  const size = ['--only', 'reads', '--clusters', '5', '--operations', '2001', '--requests', '20', '--json', file];
  const env = {
    ...process.env,
    HOLDFAST_HOME: home.folder,
    HOLDFAST_INSTALL_ID: home.installId,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress,
    HOLDFAST_PORT: new URL(url).port,
  };
  try {
    const args = [compiled('test', 'bench', 'engine.js'), ...size, ...more];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = await Promise.all([text(child.stdout), text(child.stderr)]);
    const figures = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return { name: 'output of a benchmark', text: [...printed, figures].join('\n'), control };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
