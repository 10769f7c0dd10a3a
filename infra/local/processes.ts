import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** A process that can be known again: ids are used anew, so the time at which it began belongs to it. */
export interface ProcessMark {
  readonly pid: number;
  readonly begun: string;
}

const markSchema = z.object({ pid: z.number().int().positive(), begun: z.string().min(1) });

/** What a pid or lock file says, or null when it says nothing that can be used. */
export function parseMark(text: string | null): ProcessMark | null {
  try {
    return markSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}

/** @returns null when no such process runs (a zombie does not). */
export function markProcess(pid: number): ProcessMark | null {
  const begun = existsSync('/proc/self/stat') ? begunByProc(pid) : begunByPs(pid);
  return begun ? { pid, begun } : null;
}

/** True while that very process runs. */
export function isRunning(mark: ProcessMark): boolean {
  return markProcess(mark.pid)?.begun === mark.begun;
}

/** Asks the process to end, and kills it and its group when it has not within `graceMs`. Nothing to do when it is gone. */
export async function endProcess(mark: ProcessMark, graceMs: number): Promise<void> {
  if (!isRunning(mark)) return;
  send(mark.pid, 'SIGTERM');
  if (await gone(mark, graceMs)) return;
  // Ours lead a group of their own; one that does not is killed alone.
  if (!send(-mark.pid, 'SIGKILL')) send(mark.pid, 'SIGKILL');
  await gone(mark, 5_000);
}

/** The environment that the process was started with, or an empty text when it is not to be seen. */
export function environmentOf(pid: number): string {
  try {
    if (existsSync('/proc/self/environ')) return readFileSync(`/proc/${pid}/environ`, 'utf8');
    return execFileSync('ps', ['eww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Waits until the process is gone; false when it still runs after `timeoutMs`. */
export async function gone(mark: ProcessMark, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; isRunning(mark);) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false; // It ended by itself in between.
  }
}

// Fields after the command's name, which may hold blanks and brackets: state is the 1st, start time (in ticks since boot) the 20th.
function begunByProc(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    return fields[0] === 'Z' || fields[0] === 'X' ? null : `${boot}/${fields[19]}`;
  } catch {
    return null;
  }
}

function begunByPs(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
