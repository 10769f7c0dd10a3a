import { z } from 'zod';

/** What the test tells its worker process. */
const settingsSchema = z.object({
  /** Folder of the world. */
  world: z.string(),
  /** Folder with the installation's keys. */
  home: z.string(),
  databaseUrl: z.string(),
  temporalAddress: z.string(),
  taskQueue: z.string(),
  /** File with the workflows' code. */
  bundle: z.string(),
});
export type WorkerSettings = z.infer<typeof settingsSchema>;

const VARIABLE = 'HOLDFAST_CHAOS_WORKER';

export const workerEnvironment = (settings: WorkerSettings): Record<string, string> => ({
  [VARIABLE]: JSON.stringify(settings),
});

export const readWorkerSettings = (environment: NodeJS.ProcessEnv): WorkerSettings =>
  settingsSchema.parse(JSON.parse(environment[VARIABLE] ?? 'null'));
