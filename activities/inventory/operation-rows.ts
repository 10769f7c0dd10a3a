import { z } from 'zod';
import {
  currentStepOf,
  OPERATION_CAUSES,
  OPERATION_KINDS,
  OPERATION_STATES,
  STEP_STATES,
} from '../../domain/operations';
import type { Operation, OperationSummary } from '../../domain/operations';
import { TOPOLOGIES } from '../../domain/plans';
import { targetInWords } from '../../domain/restore-targets';
import { clusterId, jsonTime, nodeName, operationId, projectId, restoreTarget, time } from './rows';

/** Rows of operations, steps and events, parsed into types of the domain. */

const kind = z.enum(OPERATION_KINDS);
const operationState = z.enum(OPERATION_STATES);

const step = z
  .object({
    id: z.string(),
    title: z.string(),
    state: z.enum(STEP_STATES),
    attempt: z.number(),
    started_at: jsonTime.nullable(),
    finished_at: jsonTime.nullable(),
    last_error: z.string().nullable(),
    next_retry_at: jsonTime.nullable(),
    progress: z.string().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    title: row.title,
    state: row.state,
    attempt: row.attempt,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    lastError: row.last_error,
    nextRetryAt: row.next_retry_at,
    progress: row.progress,
  }));

export const dataChecks = z.array(z.object({ name: z.string(), passed: z.boolean(), detail: z.string() }));

const restored = z.object({
  from: z.object({ site: z.string(), setId: z.string(), insteadOf: z.string().nullable() }).nullable().default(null),
  checks: dataChecks.default([]),
});

const switchover = z.object({ from: nodeName.nullable(), to: nodeName.nullable() });

const replacement = z.object({
  former: z.object({ hostId: z.string().nullable(), privateAddress: z.string().nullable() }).nullable(),
});

const recovery = z.object({ upTo: z.string(), former: z.record(z.string(), z.string().nullable()) });

const nodeWork = z.object({
  name: nodeName,
  was: z.enum(['primary', 'replica', 'gateway']).nullable(),
  run: z.string().nullable(),
});

const OPEN_STATES = new Set<z.infer<typeof operationState>>(['pending', 'scheduled', 'running', 'waiting']);

const columns = z.object({
  id: operationId,
  kind,
  project_id: projectId,
  cluster_id: clusterId,
  cluster_name: z.string(),
  subject: z.string(),
  restores: z
    .object({
      into: z.string(),
      database: z.string().nullable(),
      target: restoreTarget.transform(targetInWords).nullable(),
    })
    .nullable(),
  generation: z.number(),
  state: operationState,
  reason: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  cause: z.enum(OPERATION_CAUSES),
  requested_by: z.string(),
  point_of_no_return_passed: z.boolean(),
  undo_began: z.boolean(),
  created_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
});

const summaryOf = (row: z.infer<typeof columns>, currentStep: string | null): OperationSummary => ({
  id: row.id,
  kind: row.kind,
  projectId: row.project_id,
  clusterId: row.cluster_id,
  clusterName: row.cluster_name,
  subject: row.subject,
  restores: row.restores,
  generation: row.generation,
  state: row.state,
  reason: row.reason,
  error: row.error,
  cause: row.cause,
  requestedBy: row.requested_by,
  cancelable: OPEN_STATES.has(row.state) && !row.point_of_no_return_passed && !row.undo_began,
  pointOfNoReturnPassed: row.point_of_no_return_passed,
  currentStep,
  createdAt: row.created_at,
  startedAt: row.started_at,
  finishedAt: row.finished_at,
});

export const operationSummaryRow = columns
  .extend({ current_step: z.string().nullable() })
  .transform((row) => summaryOf(row, row.current_step));

export const operationRow = columns
  .extend({
    steps: z.array(step),
    restored: restored.nullable(),
    switchover: switchover.nullable(),
    replacement: replacement.nullable(),
    recovery: recovery.nullable(),
    node: nodeWork.nullable(),
  })
  .transform((row): Operation => ({
    ...summaryOf(row, currentStepOf(row.state, row.steps)),
    restored: row.restored,
    switchover: row.switchover,
    replacement: row.replacement,
    recovery: row.recovery,
    node: row.node,
    steps: row.steps,
  }));

/** What a workflow is started with, of an operation that was written before. */
export const inputRow = z
  .object({
    id: operationId,
    kind,
    project_id: projectId,
    project_name: z.string(),
    cluster_id: clusterId,
    cluster_name: z.string(),
    generation: z.number(),
    topology: z.enum(TOPOLOGIES),
    summary: z.string(),
    node: nodeWork.nullable(),
  })
  .transform((row) => ({
    operationId: row.id,
    kind: row.kind,
    projectId: row.project_id,
    projectName: row.project_name,
    clusterId: row.cluster_id,
    clusterName: row.cluster_name,
    generation: row.generation,
    topology: row.topology,
    summary: row.summary,
    ...(row.node && { node: row.node.name }),
  }));

export const eventRow = z
  .object({
    // The driver gives bigint as text; 2^53 events are out of reach.
    seq: z.string().transform(Number),
    operation_id: operationId,
    at: time,
    type: z.enum(['operation', 'step', 'notice']),
    body: z.record(z.string(), z.unknown()),
  })
  .transform((row) => ({ seq: row.seq, operationId: row.operation_id, at: row.at, type: row.type, body: row.body }));
