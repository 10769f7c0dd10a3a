import { z } from 'zod';
import { MAJORS } from '../clusters';
import { TOPOLOGIES } from '../plans';

/** What can be ordered: plans and versions. */

export const planSchema = z
  .object({
    name: z.string(),
    topology: z.enum(TOPOLOGIES),
    summary: z.string(),
    nodes: z.object({ data: z.number().int(), gateway: z.number().int() }),
    memoryBytes: z.number().int().meta({ description: 'Of each data node.' }),
    cpus: z.number().meta({ description: 'Of each data node.' }),
    storageBytes: z.number().int().meta({ description: 'Comes with the plan, on each data node.' }),
    maxStorageBytes: z.number().int(),
    priceEuroCentsPerMonth: z.number().int(),
    dumps: z
      .object({ kept: z.number().int(), perDay: z.number().int() })
      .meta({ description: 'How many dumps of a cluster are kept: in all, and of one day.' }),
    replaceAfterSeconds: z.number().int().meta({
      description: 'For how long a node may be silent before the autopilot gives it a fresh host.',
    }),
  })
  .meta({ id: 'Plan' });

export const versionSchema = z
  .object({
    major: z.enum(MAJORS),
    minor: z.string().meta({ description: 'The exact version that a new cluster runs.', example: '18.6' }),
    default: z.boolean(),
  })
  .meta({ id: 'Version' });

export const versionsSchema = z
  .object({
    items: z.array(versionSchema).readonly(),
    image: z.object({
      reference: z.string(),
      builtAt: z.string().meta({ format: 'date-time' }),
      debian: z.string(),
      tools: z.record(z.string(), z.string()).meta({ description: 'Version by tool.' }),
    }),
  })
  .meta({ id: 'Versions' });

export type PlanAnswer = z.infer<typeof planSchema>;
export type VersionsAnswer = z.infer<typeof versionsSchema>;
