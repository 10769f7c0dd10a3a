import { z } from 'zod';
import { replacementSchema } from './replacements';
import { restoredSchema } from './restored';
import { switchedSchema } from './switchovers';
import { OPERATION_CAUSES, OPERATION_KINDS, OPERATION_STATES, STEP_STATES } from '../operations';

const timeOrNull = z.string().nullable().meta({ format: 'date-time' });

export const operationStateSchema = z.enum(OPERATION_STATES);
export const stepStateSchema = z.enum(STEP_STATES);

export const stepSchema = z
  .object({
    id: z.string(),
    title: z.string(),
    state: stepStateSchema,
    attempt: z.number().int(),
    startedAt: timeOrNull,
    finishedAt: timeOrNull,
    lastError: z.string().nullable(),
    nextRetryAt: timeOrNull,
    progress: z.string().nullable(),
  })
  .meta({ id: 'Step' });

/** What lists have of each operation. */
export const operationSummarySchema = z
  .object({
    id: z.string(),
    kind: z.enum(OPERATION_KINDS),
    clusterId: z.string(),
    clusterName: z.string(),
    subject: z.string().meta({
      description:
        'Name of the cluster that it is about: of one that is thrown away, as for a drill, the one whose backups it is made from.',
    }),
    restores: z
      .object({
        into: z.string().meta({ description: 'Name of the cluster.' }),
        database: z
          .string()
          .nullable()
          .meta({ description: 'Name that one database gets there; null: it is all of them.' }),
        target: z
          .string()
          .nullable()
          .meta({ description: 'For people: `the time …`; null: what a restore in place has kept.' }),
      })
      .nullable()
      .meta({ description: 'What one that restores was ordered to do; null: it restores nothing.' }),
    generation: z.number().int(),
    state: operationStateSchema,
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why it waits, why it ended by itself, or which decision came too late for it to take.' }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    cause: z.enum(OPERATION_CAUSES),
    requestedBy: z.string(),
    cancelable: z.boolean(),
    pointOfNoReturnPassed: z.boolean(),
    currentStep: z.string().nullable().meta({
      description: 'Title of the step that it is at, or for which it waits; null before the first and when it is over.',
    }),
    createdAt: z.string().meta({ format: 'date-time' }),
    startedAt: timeOrNull,
    finishedAt: timeOrNull,
    links: z.object({
      self: z.string(),
      events: z.string(),
      cluster: z.string(),
      temporal: z.string().nullable().meta({
        description:
          'Its workflow in the Temporal Web UI, for operators; null when the API was not told where that is.',
      }),
    }),
  })
  .meta({ id: 'OperationSummary', description: 'An operation without its steps: what lists have of it.' });

export const operationSchema = operationSummarySchema
  .extend({
    restored: restoredSchema
      .nullable()
      .meta({ description: 'Of one that restores: where the data came from, and what was found in it.' }),
    switchover: switchedSchema.nullable().meta({
      description: 'Of a switchover, also on the way to a replacement: of which node to which one.',
    }),
    replacement: replacementSchema
      .nullable()
      .meta({ description: 'Of a replacement: the host that the node had before.' }),
    recovery: z
      .object({
        upTo: z.string().meta({
          format: 'date-time',
          description: 'All that was committed up to then is in the backups; what came later may not be.',
        }),
      })
      .nullable()
      .meta({
        description: 'Of one that brings a cluster back whose data nodes are all lost; null until it has looked.',
      }),
    node: z
      .object({
        name: z.string(),
        was: z
          .enum(['primary', 'replica', 'gateway'])
          .nullable()
          .meta({ description: 'When the operation looked at it; null before.' }),
      })
      .nullable()
      .meta({ description: 'Of what is done with one node: which, and what it was.' }),
    steps: z.array(stepSchema).readonly(),
  })
  .meta({ id: 'Operation', description: 'An operation with its steps.' });

export const operationEventSchema = z
  .object({
    seq: z.number().int().meta({ description: 'Also the `id` of the server-sent event.' }),
    operationId: z.string(),
    at: z.string().meta({ format: 'date-time' }),
    type: z.enum(['operation', 'step', 'notice']),
    body: z.record(z.string(), z.unknown()).meta({
      description:
        'The operation or the step after the change; of a notice `{event, message, told}`: how a backup, a drill or a dump ended (`success`, `failure`), or what went wrong behind it (`warning`), and whom the policy wants to be told. A success is written for those only who want to know it, what went wrong always.',
    }),
  })
  .meta({ id: 'OperationEvent' });

export type OperationSummaryAnswer = z.infer<typeof operationSummarySchema>;
export type OperationAnswer = z.infer<typeof operationSchema>;
export type StepAnswer = z.infer<typeof stepSchema>;
export type OperationEventAnswer = z.infer<typeof operationEventSchema>;
