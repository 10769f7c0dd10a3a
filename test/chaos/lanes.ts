import { rmSync } from 'node:fs';
import type { ClusterId } from '../../domain/ids';
import type { World } from '../simulation/world';
import { prefixOf } from './experiment';
import type { Subject } from './laboratory';

/** What a lane is given at a time may take so long, on a busy machine, before it counts as hanging. */
const LIMIT_MS = 900_000;

/** Runs all, as many at a time as there are subjects, each subject one at a time; gives what is wrong. */
export async function inParallel<R>(
  subjects: readonly Subject[],
  rows: readonly R[],
  run: (subject: Subject, row: R) => Promise<string[]>,
): Promise<string[]> {
  const waiting = [...rows];
  const wrong: string[] = [];
  await Promise.all(
    subjects.map(async (subject) => {
      for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
        const found = await within(LIMIT_MS, run(subject, row)).catch((error: unknown) => [
          `${JSON.stringify(row, withoutOutcomes)}: ${String(error)}; its worker's last words: ${lastWords(subject)}`,
        ]);
        wrong.push(...found);
      }
    }),
  );
  return wrong;
}

const lastWords = ({ lane }: Subject): string => lane.log().trimEnd().split('\n').slice(-5).join('\n');
const withoutOutcomes = (key: string, value: unknown): unknown => (key === 'dryRun' ? undefined : value);

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** Takes away what a cluster that nobody deletes has in its world. */
export function forgetWorld(world: World, clusterId: ClusterId): void {
  const mine = (token: string): boolean => token.startsWith(prefixOf(clusterId));
  for (const token of world.hostTokens().filter(mine)) rmSync(world.hostFolder(token), { recursive: true });
  for (const token of world.networkTokens().filter(mine)) rmSync(world.networkFile(token));
}
