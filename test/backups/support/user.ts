import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { BackupAnswer } from '../../../domain/schemas/backups';
import type { RestoreWindowAnswer } from '../../../domain/schemas/restore-window';
import { backupSchema } from '../../../domain/schemas/backups';
import { restoreWindowSchema } from '../../../domain/schemas/restore-window';
import type { OperationAnswer } from '../../../domain/schemas/operations';
import { operationSchema } from '../../../domain/schemas/operations';
import { eventually } from '../../support/eventually';
import type { Holdfast } from '../../support/holdfast';
import { login, query } from '../../system/support/endpoint';
import type { Writer } from '../../system/support/ledger';
import type { TestStores } from '../../system/support/stores';

/** Backups and restores as a user asks for them, and the ledger by which what comes back is judged. */

/** Slow enough for the API, which counts requests, and patient enough for a busy machine. */
export const POLL = { everyMs: 500, limitMs: 400_000 };

export async function backupsOf(holdfast: Holdfast, cluster: string): Promise<BackupAnswer[]> {
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/backups`);
  return z.object({ items: z.array(backupSchema) }).parse(body).items;
}

/** @throws Error with the problem when it is refused. */
export async function ask(holdfast: Holdfast, method: string, path: string, body: object): Promise<OperationAnswer> {
  const answer = await holdfast.api(method, path, body);
  if (answer.status !== 202) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return operationSchema.parse(answer.body);
}

export const takeBackup = (holdfast: Holdfast, cluster: string, request: object): Promise<OperationAnswer> =>
  ask(holdfast, 'POST', `/v1/clusters/${cluster}/backups`, request);

/** Restores into a new cluster, and waits for it. */
export async function restoreTo(
  holdfast: Holdfast,
  cluster: string,
  request: { readonly name: string; readonly target: object },
): Promise<void> {
  const { id } = await ask(holdfast, 'POST', `/v1/clusters/${cluster}/restores`, request);
  await holdfast.succeed(id);
}

export async function remove(holdfast: Holdfast, cluster: string): Promise<OperationAnswer> {
  const { id } = await ask(holdfast, 'DELETE', `/v1/clusters/${cluster}?confirm=${cluster}`, {});
  return holdfast.succeed(id);
}

/** The first backup of a new cluster, which nobody asked for; its operation, which tidies up behind it, has ended too. */
export async function firstBackup(holdfast: Holdfast, cluster: string): Promise<BackupAnswer> {
  const good = async (): Promise<BackupAnswer | undefined> =>
    (await backupsOf(holdfast, cluster)).find(({ state }) => state === 'succeeded');
  const backup = await eventually(good, POLL);
  if (backup.operationId !== null) await holdfast.succeed(backup.operationId);
  return backup;
}

export async function windowOf(holdfast: Holdfast, cluster: string): Promise<RestoreWindowAnswer> {
  const { body } = await holdfast.api('GET', `/v1/clusters/${cluster}/restores/window`);
  return restoreWindowSchema.parse(body);
}

/** Deletes a segment of the log from every store, as a careless hand would. */
export function loseSegment(stores: TestStores, number: number): void {
  const name = [Math.floor(number / 256), number % 256]
    .map((part) => part.toString(16).toUpperCase().padStart(8, '0'))
    .join('');
  const pattern = new RegExp(`^[0-9A-F]{8}${name}-`);
  for (const { name: site } of stores.sites) {
    const folder = stores.dataFolder(site);
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      pattern.test(basename(file)),
    );
    if (found.length === 0) throw new Error(`${site} has no segment ${name}`);
    for (const file of found) rmSync(join(folder, file));
  }
}

/** The window once it reaches past a time: that much of the log is archived a minute later at most. */
export function windowAfter(
  holdfast: Holdfast,
  cluster: string,
  time: number,
): Promise<{ readonly earliest: string; readonly latest: string }> {
  return eventually(async () => {
    const { earliest, latest } = await windowOf(holdfast, cluster);
    return earliest !== null && latest !== null && Date.parse(latest) > time && { earliest, latest };
  }, POLL);
}

/** Waits until something is acknowledged that was begun after a time. */
export const untilAcknowledged = (writer: Writer, time: number): Promise<true> =>
  eventually(
    () => writer.attempts.some(({ outcome, beganAt }) => outcome === 'acknowledged' && beganAt > time) || undefined,
    POLL,
  );

/** What is wrong with the ledger of a cluster that was restored to a time; nothing, if all is well. */
export async function judgeLedger(holdfast: Holdfast, name: string, writer: Writer, timeMs: number): Promise<object> {
  const config = login(await holdfast.credentials(name), 'primaryPort');
  const rows = await query<{ number: number }>(config, 'select number from ledger');
  const restored = new Set(rows.map(({ number }) => number));
  const before = writer.attempts.filter(({ outcome, endedAt }) => outcome === 'acknowledged' && endedAt < timeMs);
  const after = writer.attempts.filter(({ beganAt }) => beganAt > timeMs);
  console.log(`${name}: ${restored.size} rows; ${before.length} acknowledged before, ${after.length} begun after`);
  return {
    lost: before.filter(({ number }) => !restored.has(number)),
    fromTheFuture: after.filter(({ number }) => restored.has(number)),
    judged: before.length > 0 && after.length > 0,
  };
}

export const FLAWLESS = { lost: [], fromTheFuture: [], judged: true } as const;
