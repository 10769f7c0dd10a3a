import type { StepRef } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import type { NodeWork, Operation } from '../../domain/operations';
import type { Fleet, OpenNode } from '../fleet';
import { openNode } from '../fleet';

/** The node that an operation is about, and what is known of it. */
export interface OpenWork extends OpenNode {
  readonly work: NodeWork;
  readonly switchover: Operation['switchover'];
}

/** @throws NOT_FOUND for an operation that is about no node. */
export async function openWork(fleet: Fleet, at: StepRef): Promise<OpenWork> {
  const { node: work = null, switchover = null } = (await fleet.inventory.operations.get(at.operationId)) ?? {};
  if (!work) throw new HoldfastError('NOT_FOUND', { kind: 'node of operation', ref: at.operationId });
  return { work, switchover, ...(await openNode(fleet, at, work.name)) };
}
