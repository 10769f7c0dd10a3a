import { HoldfastError } from '../../domain/errors';
import { runOperatorCommand } from '../operator-command';
import { KEY_BYTES } from './cipher';

/**
 * A command of the operator's that wraps and unwraps master keys with a key that Holdfast never sees: that of a KMS, a
 * TPM, a smart card. It is run by a shell with one more argument, `wrap` or `unwrap`. `wrap` gets the key in base64 by
 * standard input and prints what it became, on one line; `unwrap` gets that line and prints the key in base64. A key is
 * never in arguments or environment, and what the command prints is never logged, not even when it fails.
 */
export interface KeyCommand {
  /** @throws KEY_COMMAND_FAILED. */
  wrap(key: Buffer): Promise<string>;
  /** @throws KEY_COMMAND_FAILED. */
  unwrap(wrapped: string): Promise<Buffer>;
}

type Verb = 'wrap' | 'unwrap';

/** A KMS that takes longer has a fault; a start shall not hang on it. */
const TIMEOUT_MS = 30_000;
/** A JWE or a KMS's blob has some hundred bytes. */
const MOST_BYTES = 16 * 1024;
const WRAPPED = /^[\x21-\x7e]+$/;
const BASE64_KEY = /^[A-Za-z0-9+/]{43}=$/;

/** @param line as an operator writes it in HOLDFAST_KEY_COMMAND. @param timeoutMs how long it may take. */
export function createKeyCommand(line: string, timeoutMs = TIMEOUT_MS): KeyCommand {
  const unwrap = async (wrapped: string): Promise<Buffer> => {
    const text = await run(line, 'unwrap', wrapped, timeoutMs);
    if (!BASE64_KEY.test(text)) throw failed('unwrap', `it printed something that is not ${KEY_BYTES} bytes in base64`);
    return Buffer.from(text, 'base64');
  };
  return {
    unwrap,
    async wrap(key) {
      const wrapped = await run(line, 'wrap', key.toString('base64'), timeoutMs);
      if (!WRAPPED.test(wrapped)) throw failed('wrap', 'it did not print one line without blanks');
      if (wrapped.includes(key.toString('base64'))) throw failed('wrap', 'it printed the key as it is');
      // Before anything is encrypted under it: what can't be unwrapped is lost.
      if (!(await unwrap(wrapped)).equals(key))
        throw failed('unwrap', 'it gave another key than the one it had wrapped');
      return wrapped;
    },
  };
}

function run(line: string, verb: Verb, input: string, timeoutMs: number): Promise<string> {
  const options = { input: `${input}\n`, timeoutMs, mostBytes: MOST_BYTES };
  return runOperatorCommand(line, [verb], { ...options, failed: (why) => failed(verb, why) });
}

/** Says what happened, never what the command printed: that may be the key. */
const failed = (verb: Verb, why: string): HoldfastError => new HoldfastError('KEY_COMMAND_FAILED', { verb, why });
