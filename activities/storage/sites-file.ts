import { open, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ParseError } from 'jsonc-parser';
import { parse, printParseErrorCode } from 'jsonc-parser';
import { type SiteEntry, sitesFileSchema } from '../../domain/schemas/sites';
import type { Settings } from '../../domain/schemas/settings';
import type { ConfiguredSite } from './storage';

const USUAL_NAME = 'sites.json';
/** Read and write of group and others. */
const OTHERS = 0o077;

/**
 * The sites of an installation, in the order of preference: those of the file that HOLDFAST_SITES names, else of
 * `sites.json` in the home, else none, which is an installation without backups.
 *
 * @throws Error that names the file, the field and what it must be; never a key.
 */
export async function readSites(
  settings: Pick<Settings, 'HOLDFAST_HOME' | 'HOLDFAST_SITES'>,
): Promise<readonly ConfiguredSite[]> {
  const named = settings.HOLDFAST_SITES;
  const file = named === null ? join(settings.HOLDFAST_HOME, USUAL_NAME) : resolve(named);
  const text = await readOwn(file);
  if (text === null) {
    if (named === null) return [];
    throw new Error(`HOLDFAST_SITES names ${file}, and there is no such file`);
  }
  const parsed = sitesFileSchema.safeParse(parseJson(file, text));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`);
    throw new Error(`wrong sites file ${file}: ${problems.join('; ')}`);
  }
  return Promise.all(parsed.data.sites.map((site, index) => configure(site, { file, index })));
}

async function configure(
  { caFile, hostEndpoint, accessKey, secretKey, ...site }: SiteEntry,
  { file, index }: { readonly file: string; readonly index: number },
): Promise<ConfiguredSite> {
  const caPem = caFile === undefined ? null : await readAuthority(resolve(dirname(file), caFile), { file, index });
  return { ...site, hostEndpoint: hostEndpoint ?? site.endpoint, caPem, keys: { accessKey, secretKey } };
}

async function readAuthority(path: string, at: { readonly file: string; readonly index: number }): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error(`wrong sites file ${at.file}: sites.${at.index}.caFile: ${path} can't be read`, { cause: error });
  });
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new Error(`wrong sites file ${at.file}: sites.${at.index}.caFile: ${path} holds no certificate in PEM format`);
}

/** @returns null when there is no such file. */
async function readOwn(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const { mode } = await file.stat();
    if ((mode & OTHERS) !== 0) throw new Error(`${path} holds keys and can be read by others; run: chmod 600 ${path}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Not with JSON.parse: its errors quote the text around them, which may be a key. */
function parseJson(file: string, text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { disallowComments: true });
  const first = errors[0];
  if (first === undefined) return value;
  const line = text.slice(0, first.offset).split('\n').length;
  throw new Error(`wrong sites file ${file}: it is no JSON, line ${line}: ${printParseErrorCode(first.error)}`);
}
