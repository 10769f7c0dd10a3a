import { z } from 'zod';

/** Switchovers: what requests say and what is told. */

/** `POST /v1/clusters/{cluster}/switchover` */
export const switchoverSchema = z
  .strictObject({
    to: z.string().max(20).optional().meta({
      description:
        'Data node that is to be the primary. Default: the synchronous standby that is least behind. It has to be in sync.',
      example: 'pg-2',
    }),
  })
  .meta({ id: 'SwitchOver' });
/** As a client writes it. */
export type SwitchoverRequest = z.input<typeof switchoverSchema>;

/** On an operation. */
export const switchedSchema = z
  .object({
    from: z.string().nullable().meta({ description: 'The primary of before; null until it was looked up.' }),
    to: z.string().nullable().meta({
      description: 'The primary of afterwards; null until it was chosen, where the request named none.',
    }),
  })
  .meta({ id: 'Switchover' });
