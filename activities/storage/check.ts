import { randomBytes } from 'node:crypto';
import type { SiteCheck } from '../../domain/sites';
import type { SiteConnection } from './connection';
import { deleteObject, getObject, putObject } from './objects';
import { describeTrouble, troubleOf } from './trouble';
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
  const folder = { bucket: site.bucket, prefix: PREFIX };
  const key = randomBytes(12).toString('hex');
  const content = randomBytes(CONTENT_BYTES);
  const limit = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  try {
    await putObject(s3, folder, key, content, limit);
    const read = await getObject(s3, folder, key, limit);
    await deleteObject(s3, folder, key, limit);
    return verdict(read.equals(content) ? null : 'altered');
  } catch (error) {
    return verdict(troubleOf(error), error);
  }
}
