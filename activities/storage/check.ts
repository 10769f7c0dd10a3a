import { randomBytes } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { HoldfastError } from '../../domain/errors';
import type { SiteCheck } from '../../domain/sites';
import type { SiteConnection } from './connection';
import { deleteObject, getObject, putObject } from './objects';
import type { Folder } from './objects';
import { ask, describeTrouble, troubleOf } from './trouble';
import type { Trouble } from './trouble';

/** Whoever asks for a check waits for it. */
const CHECK_TIMEOUT_MS = 5_000;
const CONTENT_BYTES = 1024;
const PREFIX = 'holdfast-check/';

/** Writes an object into the site's bucket, reads it back, compares it, and deletes it. */
export async function checkSite({ site, s3 }: SiteConnection): Promise<SiteCheck> {
  const begun = performance.now();
  const verdict = (trouble: Trouble | null, error?: unknown): SiteCheck => ({
    site: site.name,
    ok: trouble === null,
    ...(trouble === null
      ? { message: 'An object was written, read back and deleted.', remedy: null }
      : describeTrouble(site, trouble, error)),
    durationMs: Math.round(performance.now() - begun),
  });
  try {
    const isSame = await writeAndReadBack(s3, { bucket: site.bucket, prefix: '' });
    return verdict(isSame ? null : 'altered');
  } catch (error) {
    return verdict(troubleOf(error), error);
  }
}

/** The same of one folder, for whoever goes on only when it works. @throws SITE_UNAVAILABLE, SITE_REFUSED. */
export async function proveFolder({ site, s3 }: SiteConnection, folder: Folder): Promise<void> {
  const verb = 'write, read back and delete an object';
  if (await ask(site, verb, writeAndReadBack(s3, folder))) return;
  const { message, remedy } = describeTrouble(site, 'altered');
  throw new HoldfastError('SITE_REFUSED', { site: site.name, verb, detail: `${message} ${remedy}` });
}

/** @returns whether what was read is what was written. */
async function writeAndReadBack(s3: S3Client, { bucket, prefix }: Folder): Promise<boolean> {
  const folder = { bucket, prefix: `${prefix}${PREFIX}` };
  const key = randomBytes(12).toString('hex');
  const content = randomBytes(CONTENT_BYTES);
  const limit = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  await putObject(s3, folder, key, content, limit);
  const read = await getObject(s3, folder, key, limit);
  await deleteObject(s3, folder, key, limit);
  return read.equals(content);
}
