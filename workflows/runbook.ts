import type { StepRef } from '../domain/clusters';
import type { StepTitle } from '../domain/operations';
import type { Topology } from '../domain/plans';
import type { NodeName } from '../domain/topology';

/**
 * A runbook: what an operation does, in the words its users read. It is data, so that the API can show all steps of a
 * preview and of a pending operation, and the engine (operation.ts) can run the very same list.
 */
export type Runbook = RunbookStep | PointOfNoReturn | Together | readonly Runbook[];

export interface RunbookStep {
  readonly kind: 'step';
  readonly id: string;
  readonly title: string;
  /** Repeatable: what it calls asks what is and changes what differs. */
  readonly run: (at: StepRef) => Promise<unknown>;
  /** Takes back what the step did, or half did, or never began. */
  readonly undo?: (at: StepRef) => Promise<unknown>;
  /**
   * When it can't be done the operation has failed, rather than wait for somebody: the next one of its kind is due anyway.
   * What has an undo is undone.
   */
  readonly mayFail?: boolean;
  /**
   * When it can't be done, or what it needs has not answered until its deadline, the operation waits for nobody: it undoes
   * what it did, and has failed.
   */
  readonly givesUp?: boolean;
  /** What `run` gives is what somebody has to approve, before the operation goes on. */
  readonly approval?: Approval;
}

export interface Approval {
  /** Waits for as long as it is wanted. Gives why it is not any more: then the operation ends, and undoes what it did. */
  readonly needless: (at: StepRef) => Promise<string>;
}

export interface Together {
  readonly kind: 'together';
  readonly branches: readonly Runbook[];
}

/** Behind it an operation can only go forward. */
export interface PointOfNoReturn {
  readonly kind: 'pointOfNoReturn';
}

/**
 * A runbook depends on the shape of the cluster alone, and on the node that it is about, if it is about one, so that it can be listed
 * before it runs.
 */
export type RunbookOf = (about: { readonly topology: Topology; readonly node?: NodeName }) => Runbook;

/** One line of a runbook. Its id derives from the title, so titles are unique within a runbook. */
export function step(
  title: string,
  run: RunbookStep['run'],
  options: Pick<RunbookStep, 'undo' | 'mayFail' | 'approval'> = {},
): RunbookStep {
  return { kind: 'step', id: title.toLowerCase().replace(/[^a-z0-9]+/g, '-'), title, run, ...options };
}

/** Branches that run at the same time; each may be a list of steps in order. */
export function together(...branches: readonly Runbook[]): Together {
  return { kind: 'together', branches };
}

export const pointOfNoReturn: PointOfNoReturn = { kind: 'pointOfNoReturn' };

/** The same, whose steps give up; see {@link RunbookStep.givesUp}. */
export function givingUp(runbook: Runbook): Runbook {
  if (isList(runbook)) return runbook.map(givingUp);
  switch (runbook.kind) {
    case 'step':
      return { ...runbook, givesUp: true };
    case 'together':
      return together(...runbook.branches.map(givingUp));
    case 'pointOfNoReturn':
      return runbook;
  }
}

/** All steps in reading order. */
export function listSteps(runbook: Runbook): RunbookStep[] {
  if (isList(runbook)) return runbook.flatMap(listSteps);
  switch (runbook.kind) {
    case 'step':
      return [runbook];
    case 'together':
      return runbook.branches.flatMap(listSteps);
    case 'pointOfNoReturn':
      return [];
  }
}

export function titlesOf(runbook: Runbook): StepTitle[] {
  return listSteps(runbook).map(({ id, title }) => ({ id, title }));
}

/** `Array.isArray` does not narrow readonly arrays. */
export function isList(runbook: Runbook): runbook is readonly Runbook[] {
  return Array.isArray(runbook);
}
