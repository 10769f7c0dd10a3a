import { HoldfastError } from '../../../domain/errors';

/** The one place that knows how the Docker engine says what is wrong: status codes where it has them, else sentences. */

export type Trouble =
  'absent' | 'exists' | 'unchanged' | 'address taken' | 'overlap' | 'full' | 'unreachable' | 'failed' | 'refused';

/** For words of the engine that share a status with others. Its API has no codes. */
const SENTENCES: readonly (readonly [RegExp, Trouble])[] = [
  [/no space left on device/i, 'full'],
  [/address already in use|port is already allocated|ports are not available/i, 'address taken'],
  [/overlap/i, 'overlap'],
  [/network with name .* already exists/i, 'exists'],
];

/** What an error of dockerode, or of {@link ask}, means. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof HoldfastError) return error.cause === undefined ? 'refused' : troubleOf(error.cause);
  const status = statusOf(error);
  if (status === null) return 'unreachable';
  const sentence = SENTENCES.find(([words]) => words.test(textOf(error)));
  if (sentence) return sentence[1];
  if (status === 304) return 'unchanged';
  if (status === 404) return 'absent';
  if (status === 409) return 'exists';
  if (status === 503) return 'unreachable';
  return status >= 500 ? 'failed' : 'refused';
}

/**
 * Waits for the engine's answer.
 * @throws CLOUD_UNAVAILABLE, CLOUD_FULL, CLOUD_REFUSED, with the engine's error as cause.
 */
export async function ask<T>(verb: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw asHoldfastError(verb, error);
  }
}

/** Like {@link ask}; null when the engine answers with one of the troubles that change nothing here. */
export async function askUnless<T>(verb: string, expected: readonly Trouble[], call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (expected.includes(troubleOf(error))) return null;
    throw asHoldfastError(verb, error);
  }
}

/** The error of a script that ran on the engine's machine and failed. */
export function scriptError(verb: string, output: string): HoldfastError {
  const full = SENTENCES.some(([words, trouble]) => trouble === 'full' && words.test(output));
  return new HoldfastError(full ? 'CLOUD_FULL' : 'CLOUD_REFUSED', { cloud: 'docker', verb, detail: output.trim() });
}

export const full = (detail: string): HoldfastError => new HoldfastError('CLOUD_FULL', { cloud: 'docker', detail });

export const refused = (verb: string, detail: string): HoldfastError =>
  new HoldfastError('CLOUD_REFUSED', { cloud: 'docker', verb, detail });

export const unavailable = (verb: string, detail: string): HoldfastError =>
  new HoldfastError('CLOUD_UNAVAILABLE', { cloud: 'docker', detail: `${verb}: ${detail}` });

function asHoldfastError(verb: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const detail = textOf(error);
  switch (troubleOf(error)) {
    case 'unreachable':
      return new HoldfastError('CLOUD_UNAVAILABLE', { cloud: 'docker', detail }, { cause: error });
    // Of the engine's own failures most pass (a cgroup still busy, a restart half done); the step's deadline ends the rest.
    case 'failed':
      return new HoldfastError(
        'CLOUD_UNAVAILABLE',
        { cloud: 'docker', detail: `${verb}: ${detail}` },
        { cause: error },
      );
    case 'full':
      return new HoldfastError('CLOUD_FULL', { cloud: 'docker', detail }, { cause: error });
    case 'absent':
    case 'exists':
    case 'unchanged':
    case 'address taken':
    case 'overlap':
    case 'refused':
      return new HoldfastError('CLOUD_REFUSED', { cloud: 'docker', verb, detail }, { cause: error });
  }
}

/** The engine's status code; null when it did not answer at all. */
function statusOf(error: unknown): number | null {
  const hasStatus = typeof error === 'object' && error !== null && 'statusCode' in error;
  return hasStatus && typeof error.statusCode === 'number' ? error.statusCode : null;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
