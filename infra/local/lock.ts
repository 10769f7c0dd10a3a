import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMark } from './processes';
import { isRunning, markProcess, parseMark } from './processes';

/** One process at a time. A lock whose owner is gone (kill -9, reboot) is taken over. */
export interface Lock {
  /** Asks others that want the lock for more patience. */
  readonly announceEnd: () => void;
  readonly release: () => void;
}

export interface LockPatience {
  readonly waitMs: number;
  readonly endingMs: number;
}

/**
 * Takes the lock, waiting for its owner to end: `waitMs`, or `endingMs` when the owner said that it is ending.
 * @returns the owner's mark when it still has it after that.
 */
export async function takeLock(file: string, { waitMs, endingMs }: LockPatience): Promise<Lock | ProcessMark> {
  for (const begun = Date.now(); ; await sleep(100)) {
    const owner = lockOwner(file);
    if (!owner && tryLock(file)) return lockOf(file);
    const patience = existsSync(endingFile(file)) ? endingMs : waitMs;
    if (owner && Date.now() - begun > patience) return owner;
  }
}

const endingFile = (file: string): string => `${file}.ending`;

function lockOf(file: string): Lock {
  rmSync(endingFile(file), { force: true }); // Of an owner that was killed while it ended.
  return {
    announceEnd: () => existsSync(file) && writeFileSync(endingFile(file), ''),
    release: () => [endingFile(file), file].forEach((name) => rmSync(name, { force: true })),
  };
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
