import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { isStepRef } from '../../domain/clusters';
import type { OperationId } from '../../domain/ids';
import type { OperationRecord } from '../../domain/operations';
import { eventually } from '../support/eventually';
import { readIfThere, replaceFile } from './files';
import type { World } from './world';

/**
 * Makes workers die by SIGKILL at exact points, each once: what is to happen lies in the world, so that the worker that
 * comes after one goes past that point.
 */

/** One execution of an activity, such as `create-the-hosts: createHost pg-1`, or `record: create-the-hosts running`. */
export type Execution = string;

export interface CrashPoint {
  readonly execution: Execution;
  /** Before it did anything, or when all is done but nobody was told. */
  readonly when: 'before' | 'after';
}

const pointsSchema = z.array(z.object({ execution: z.string(), when: z.enum(['before', 'after']) }));

/** What happened and is to happen to the activities of one operation. */
export interface Stage {
  /** The first worker to come to one of these points dies there. */
  arm(points: readonly CrashPoint[]): void;
  /** Points that no worker came to. */
  readonly armed: readonly CrashPoint[];
  /** Holds the first execution of that name when it has done its deed, until it is cancelled. */
  hold(execution: Execution): void;
  /** True when the execution is held. */
  readonly isHolding: boolean;
  /** Waits until an execution of that name has begun. */
  reached(execution: Execution): Promise<unknown>;
  /** All executions that began, in order; a repeated one comes again. */
  readonly executions: readonly Execution[];
}

export function stageOf(world: World, operationId: OperationId): Stage {
  const { file, ...files } = filesOf(world, operationId);
  const begun = (): string[] => (readIfThere(file('executions')) ?? '').split('\n').filter(Boolean);
  return {
    arm: (points) => replaceFile(files.armed, JSON.stringify(points)),
    get armed() {
      return pointsIn(files.armed);
    },
    hold: (execution) => writeFileSync(files.hold, execution),
    get isHolding() {
      return existsSync(files.holding);
    },
    reached: (execution) => eventually(() => begun().includes(execution), { everyMs: 10 }),
    get executions() {
      return begun();
    },
  };
}

interface StageFiles {
  readonly file: (name: string) => string;
  readonly armed: string;
  readonly hold: string;
  readonly holding: string;
}

function filesOf(world: World, operationId: OperationId): StageFiles {
  const folder = join(world.folder, 'stages', operationId);
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  return { file, armed: file('armed'), hold: file('hold'), holding: file('holding') };
}

/** The activities of a worker that dies where a stage says so. */
export function withCrashes<A extends object>(activities: A, world: World): A {
  const wrapped = Object.entries(activities).map(([name, act]: [string, (...args: unknown[]) => Promise<unknown>]) => [
    name,
    (...args: unknown[]): Promise<unknown> => perform(world, name, args, () => act(...args)),
  ]);
  // Object.fromEntries forgets which keys there are.
  return Object.fromEntries(wrapped) as A;
}

async function perform(world: World, type: string, args: unknown[], act: () => Promise<unknown>): Promise<unknown> {
  const { operationId, names } = executionOf(type, args);
  const files = filesOf(world, operationId);
  appendFileSync(files.file('executions'), `${names[0]}\n`);
  dieHere(files, names, 'before');
  const result = await act();
  if (readIfThere(files.hold) === names[0]) await holdUntilCancelled(files);
  dieHere(files, names, 'after');
  return result;
}

/** A record has several names, of which the first is used: what goes into one record may differ from run to run. */
function executionOf(type: string, args: readonly unknown[]): { operationId: OperationId; names: string[] } {
  const [about, node] = args;
  if (isStepRef(about)) {
    const name = typeof node === 'string' ? `${about.stepId}: ${type} ${node}` : `${about.stepId}: ${type}`;
    return { operationId: about.operationId, names: [name] };
  }
  if (!isRecord(about)) throw new Error(`activity ${type} has neither a step nor a record`);
  const steps = about.steps.map(({ stepId, state }) => `record: ${stepId} ${state}`);
  return {
    operationId: about.operationId,
    names: about.operation ? [...steps, `record: operation ${about.operation.state}`] : steps,
  };
}

const isRecord = (value: unknown): value is OperationRecord =>
  typeof value === 'object' && value !== null && 'operationId' in value && 'seq' in value && 'steps' in value;

function dieHere({ armed }: StageFiles, names: readonly string[], when: CrashPoint['when']): void {
  const points = pointsIn(armed);
  const here = points.findIndex((point) => point.when === when && names.includes(point.execution));
  if (here < 0) return;
  replaceFile(armed, JSON.stringify(points.toSpliced(here, 1)));
  process.kill(process.pid, 'SIGKILL');
}

const pointsIn = (file: string): CrashPoint[] => pointsSchema.parse(JSON.parse(readIfThere(file) ?? '[]'));

async function holdUntilCancelled({ holding }: StageFiles): Promise<never> {
  writeFileSync(holding, '');
  const { cancelled } = Context.current();
  return cancelled;
}
