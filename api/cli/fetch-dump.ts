import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DumpDownloadAnswer } from '../../domain/schemas/dumps';
import { CliError, EXIT } from './exit';

type Download = Pick<DumpDownloadAnswer, 'url' | 'site' | 'checksum' | 'caCertificate'>;

/**
 * Fetches a dump into a file, which is there only when all of it came and its checksum is right. The connection trusts the
 * site's own authority, where the API named one.
 * @param force puts it in the place of a file that is there.
 * @throws CliError; never with the URL.
 */
export async function fetchDump(download: Download, path: string, force: boolean): Promise<void> {
  requireFree(path, force);
  const unfinished = `${path}.part`;
  try {
    const answer = await ask(download);
    const digest = createHash('sha256');
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        digest.update(chunk);
        done(null, chunk);
      },
    });
    // Whoever else is on this machine has no business with it.
    await pipeline(answer, measure, createWriteStream(unfinished, { mode: 0o600 }));
    if (digest.digest('hex') !== download.checksum)
      throw new CliError(`What site ${download.site} gave is not what was stored: its checksum is another one.`);
    // Somebody may have put one there meanwhile.
    requireFree(path, force);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    if (error instanceof CliError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`The dump could not be fetched from site ${download.site}: ${reason}`);
  }
}

function requireFree(path: string, force: boolean): void {
  if (force || !existsSync(path)) return;
  throw new CliError(
    `${path} is there already: name another file by --file, or say --force to write over it. The file was left as it is.`,
    EXIT.usage,
  );
}

function ask({ url, site, caCertificate }: Download): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(url, caCertificate === null ? {} : { ca: caCertificate }, (answer) => {
      if (answer.statusCode === 200) return resolve(answer);
      answer.resume();
      reject(new CliError(`Site ${site} answered ${String(answer.statusCode)}: try again, or from another site.`));
    });
    asked.on('error', reject);
    asked.end();
  });
}
