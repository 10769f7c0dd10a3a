import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMark } from './processes';
import { isRunning, markProcess, parseMark } from './processes';

/** One process at a time. A lock whose owner is gone (kill -9, reboot) is taken over. */
export interface Lock {
  release(): void;
}

/**
 * Takes the lock, waiting up to `waitMs` for its owner to end.
 * @returns the owner's mark when it still has it after that.
 */
export async function takeLock(file: string, waitMs: number): Promise<Lock | ProcessMark> {
  for (const deadline = Date.now() + waitMs; ; await sleep(100)) {
    const owner = lockOwner(file);
    if (!owner && tryLock(file)) return { release: () => rmSync(file, { force: true }) };
    if (owner && Date.now() > deadline) return owner;
  }
}

/** Who has the lock and still runs, or null. */
export function lockOwner(file: string): ProcessMark | null {
  const mark = parseMark(readIfAny(file));
  return mark && isRunning(mark) ? mark : null;
}

function tryLock(file: string): boolean {
  const mine = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  removeStale(file);
  writeFileSync(mine, JSON.stringify(markProcess(process.pid)), { mode: 0o600 });
  try {
    linkSync(mine, file); // Fails when the file exists: of two that try, one gets it, and never half a file.
    return true;
  } catch {
    return false;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Renaming is for one process only; one that took a lock made in between by mistake puts it back. */
function removeStale(file: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return; // Nothing there.
  }
  if (lockOwner(aside)) linkSync(aside, file);
  rmSync(aside, { force: true });
}

function readIfAny(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
