import { z } from 'zod';

/** Payloads of Temporal's histories, as JSON has protobuf messages: bytes are text in base64. */

const bytes = z.base64('must be text in base64');

/** Of a payload, Temporal may tell more one day: what is not known here is left out, not refused. */
export const payloadsRequestSchema = z
  .strictObject({
    payloads: z.array(z.object({ metadata: z.record(z.string(), bytes).nullish(), data: bytes.nullish() })).default([]),
  })
  .meta({ id: 'PayloadsRequest' });

export const payloadsSchema = z
  .object({
    payloads: z.array(z.object({ metadata: z.record(z.string(), z.string()), data: z.string() })).readonly(),
  })
  .meta({ id: 'Payloads' });

export type PayloadRequest = z.output<typeof payloadsRequestSchema>['payloads'][number];
export type PayloadAnswer = z.output<typeof payloadsSchema>['payloads'][number];
