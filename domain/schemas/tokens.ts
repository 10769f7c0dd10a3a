import { z } from 'zod';
import { SCOPES } from '../tokens';

export const MAX_TOKEN_DAYS = 365;

export const scopeSchema = z.enum(SCOPES);

export const tokenRequestSchema = z
  .strictObject({
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .regex(/^[^\x00]*$/, 'cannot hold a NUL character')
      .meta({ description: 'For people: whose it is, what for.', example: 'ci' }),
    scopes: z
      .array(scopeSchema)
      .min(1)
      .transform((scopes) => [...new Set(scopes)])
      .meta({ description: 'What it may do; never more than the token that makes it.' }),
    expiresInDays: z.number().int().min(1).max(MAX_TOKEN_DAYS).default(90).meta({ description: 'Life time in days.' }),
  })
  .meta({ id: 'TokenRequest' });

const tokenFields = {
  id: z.string(),
  name: z.string(),
  scopes: z.array(scopeSchema).readonly(),
  createdAt: z.string().meta({ format: 'date-time' }),
  expiresAt: z.string().meta({ format: 'date-time' }),
  revokedAt: z.string().nullable().meta({ format: 'date-time' }),
  lastUsedAt: z.string().nullable().meta({ format: 'date-time' }),
};

export const tokenSchema = z.object(tokenFields).meta({ id: 'Token' });

export const newTokenSchema = z
  .object({
    ...tokenFields,
    token: z.string().nullable().meta({
      description: 'The token itself. Shown this once, null when the request is repeated: only its hash is kept.',
    }),
  })
  .meta({ id: 'NewToken' });

export type TokenAnswer = z.infer<typeof tokenSchema>;
export type NewTokenAnswer = z.infer<typeof newTokenSchema>;
