import { z } from 'zod';

/** What is empty was not said. */
const textOrNull = z
  .string()
  .optional()
  .transform((text) => text?.trim() || null);

/** What API and worker are told by their environment; `npm start` sets it, an operator may. */
const settingsSchema = z.object({
  /** Folder of this installation's state: master key, control key, first token, logs. */
  HOLDFAST_HOME: z.string().min(1),
  /** Command that wraps and unwraps master keys, see docs/security.md; null: they stand in the key file as they are. */
  HOLDFAST_KEY_COMMAND: textOrNull,
  /** Command that switches machines of the cloud `static` off and on, see docs/machines.md; null: nobody but their owner can. */
  HOLDFAST_FENCE_COMMAND: textOrNull,
  /** The sites file: which object stores there are, docs/configuration.md; null: `sites.json` in the home, if that is there. */
  HOLDFAST_SITES: textOrNull,
  /** Tags everything that this installation makes in a cloud. */
  HOLDFAST_INSTALL_ID: z.string().regex(/^[a-z0-9]{8,32}$/),
  /** The inventory: `postgres://user:password@host:port/database`. */
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  TEMPORAL_ADDRESS: z.string().regex(/^[^:\s]+:\d+$/, 'host:port'),
  /** The Temporal Web UI, to which operations then link. */
  TEMPORAL_UI_URL: z
    .union([z.literal(''), z.url({ protocol: /^https?$/ })])
    .optional()
    .transform((url) => url || null),
  /** `published` where addresses of containers can't be reached from this machine (Docker Desktop). */
  HOLDFAST_DOCKER_REACH: z.enum(['direct', 'published']).default('direct'),
  /** `debug` adds a line for each command that ran on a host and each call of a cloud, with its duration. */
  HOLDFAST_LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  /** Loopback unless an operator opens it. */
  HOLDFAST_HOST: z.string().default('127.0.0.1'),
  HOLDFAST_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
});

export type Settings = z.infer<typeof settingsSchema>;

/** @throws Error that names each variable that is missing or wrong. */
export function parseSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const parsed = settingsSchema.safeParse(environment);
  if (parsed.success) return parsed.data;
  throw new Error(
    `wrong settings: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
  );
}
