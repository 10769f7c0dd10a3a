import { HoldfastError } from '../../domain/errors';
import type { Site } from '../../domain/sites';

/** The one place that knows how object stores, and the way to them, say what is wrong. */

export type Trouble =
  | 'silent'
  | 'slow'
  | 'failing'
  | 'certificate'
  | 'not TLS'
  | 'keys'
  | 'denied'
  | 'bucket'
  | 'full'
  | 'clock'
  | 'altered'
  | 'refused';

/** These pass by themselves; the others last until somebody does something. */
const PASSING: readonly Trouble[] = ['silent', 'slow', 'failing'];

/** Error codes of S3 and of servers that speak it, and names that the SDK gives to errors of its own. */
const NAMES: Readonly<Record<string, Trouble>> = {
  InvalidAccessKeyId: 'keys',
  SignatureDoesNotMatch: 'keys',
  AuthorizationHeaderMalformed: 'keys',
  AccessDenied: 'denied',
  XAdminAccessDenied: 'denied',
  NoSuchBucket: 'bucket',
  InsufficientStorage: 'full',
  QuotaExceeded: 'full',
  XMinioStorageFull: 'full',
  RequestTimeTooSkewed: 'clock',
  SlowDown: 'failing',
  TimeoutError: 'slow',
  AbortError: 'slow',
};

/** Error codes of Node.js. */
const CODES: readonly (readonly [RegExp, Trouble])[] = [
  [/CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY)|^ERR_TLS_/, 'certificate'],
  [/^(?:EPROTO|ERR_SSL_|HPE_)/, 'not TLS'],
  [/^(?:ETIMEDOUT|ESOCKETTIMEDOUT)$/, 'slow'],
  [/^(?:ECONN|EHOST|ENET|ENOTFOUND|EAI_|EPIPE)/, 'silent'],
];

const WORDS: Readonly<Record<Trouble, { readonly message: string; readonly remedy: string }>> = {
  silent: {
    message: 'Nothing answers at {endpoint}.',
    remedy: 'Start the store, or put the address right in the sites file.',
  },
  slow: {
    message: '{endpoint} takes too long to answer.',
    remedy: 'Look at the load of the store and at the network.',
  },
  failing: { message: '{endpoint} answers that it has trouble of its own.', remedy: "Look into the store's log." },
  certificate: {
    message:
      'The certificate of {endpoint} is not to be trusted: signed by another authority, for another name, or expired.',
    remedy:
      'Name the authority that signed it as caFile in the sites file, or give the store a certificate for that name.',
  },
  'not TLS': {
    message: '{endpoint} does not speak TLS.',
    remedy: 'Give the store a certificate; there are no backups without TLS.',
  },
  keys: {
    message: '{endpoint} does not know the keys.',
    remedy: 'Put accessKey and secretKey right in the sites file.',
  },
  denied: {
    message: 'The keys are not allowed to do this in bucket {bucket} of {endpoint}.',
    remedy: 'Let them list the bucket, and read, write and delete objects in it.',
  },
  bucket: {
    message: 'There is no bucket {bucket} at {endpoint}.',
    remedy: 'Create it, or put its name right in the sites file.',
  },
  full: { message: 'The store at {endpoint} is full.', remedy: 'Give it more disk, or a larger quota.' },
  clock: {
    message: 'The clock of {endpoint} and the clock here differ too much.',
    remedy: 'Let both keep time by NTP.',
  },
  altered: {
    message: '{endpoint} gave back something else than was written.',
    remedy: 'Do not use it for backups before it is known why.',
  },
  refused: { message: '{endpoint} refused{said}.', remedy: "Look into the store's log." },
};

export function troubleOf(error: unknown): Trouble {
  const byCode = CODES.find(([pattern]) => pattern.test(wordOf(error, 'code')));
  if (byCode) return byCode[1];
  const byName = NAMES[wordOf(error, 'name')];
  if (byName) return byName;
  const status = statusOf(error);
  if (status === 507) return 'full';
  if (status === 403) return 'denied';
  return status === 429 || (status ?? 0) >= 500 ? 'failing' : 'refused';
}

/** What OpenSSL, pgBackRest and stores say to a host, in the order in which they count. */
const SAID: readonly (readonly [RegExp, Trouble])[] = [
  [/unable to verify certificate|unable to find hostname .* in certificate/, 'certificate'],
  [/wrong version number/, 'not TLS'],
  [/\[507\] /, 'full'],
  [/request failed with 403/, 'denied'],
  [/\[(?:429|5\d\d)\] [A-Z]/, 'failing'],
  [/timeout after \d+ms waiting for (?:read|write)/, 'slow'],
  [/unable to connect to|unable to get address|unexpected eof|Connection (?:refused|reset)|No route to host/, 'silent'],
];

/** What pgBackRest on a host has met at a store; null when that is none of what is known. */
export function troubleInWords(said: string): Trouble | null {
  const byName = Object.entries(NAMES).find(([name]) => said.includes(`<Code>${name}</Code>`));
  return byName?.[1] ?? SAID.find(([pattern]) => pattern.test(said))?.[1] ?? null;
}

/** True when the store said that what was asked for is not there. */
export function isAbsent(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound', 'NoSuchBucket', 'NoSuchUpload'].includes(wordOf(error, 'name'));
}

/** What is wrong and what to do, in plain words. */
export function describeTrouble(
  site: Pick<Site, 'endpoint' | 'bucket'>,
  trouble: Trouble,
  error?: unknown,
): { readonly message: string; readonly remedy: string } {
  const { message, remedy } = WORDS[trouble];
  // The name of an error is a word of S3's; its message may quote what was sent.
  const name = wordOf(error, 'name');
  const said = name === '' ? '' : `: ${name}`;
  const filled = message.replace('{endpoint}', site.endpoint).replace('{bucket}', site.bucket).replace('{said}', said);
  return { message: filled, remedy };
}

/** @throws SITE_UNAVAILABLE, SITE_REFUSED. @param verb what was asked: `list objects`. */
export async function ask<T>(site: Site, verb: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw siteError(site, verb, error);
  }
}

/** Like {@link ask}; null when what was asked for is not there. */
export async function askIfThere<T>(site: Site, verb: string, call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw siteError(site, verb, error);
  }
}

export function siteError(site: Site, verb: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const trouble = troubleOf(error);
  const { message, remedy } = describeTrouble(site, trouble, error);
  const detail = `${message} ${remedy}`;
  return PASSING.includes(trouble)
    ? new HoldfastError('SITE_UNAVAILABLE', { site: site.name, verb, detail }, { cause: error })
    : new HoldfastError('SITE_REFUSED', { site: site.name, verb, detail }, { cause: error });
}

function statusOf(error: unknown): number | null {
  const answer = partOf(error, '$metadata');
  const status = partOf(answer, 'httpStatusCode');
  return typeof status === 'number' ? status : null;
}

function wordOf(error: unknown, part: string): string {
  const word = partOf(error, part);
  return typeof word === 'string' ? word : '';
}

/** Not by `instanceof`: errors of Node.js are of another realm where modules are run in one of their own. */
function partOf(whole: unknown, part: string): unknown {
  return typeof whole === 'object' && whole !== null ? Reflect.get(whole, part) : undefined;
}
