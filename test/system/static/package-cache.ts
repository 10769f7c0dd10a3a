import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheFolder } from '../../../infra/local/project';

/**
 * A proxy for APT that keeps packages between runs: a package's name tells its version, so it never changes. Whatever
 * else is asked for is fetched each time. Test machines download the same 130 MB otherwise, three times a run.
 */
export interface PackageCache {
  readonly url: string;
  /** From now on there is nothing (404) at addresses that match, until the next call; null: everything is there again. */
  withhold(addresses: RegExp | null): void;
  end(): Promise<void>;
}

const FOLDER = join(cacheFolder, 'test-packages');

/** @param address on which the machines see this one. */
export async function startPackageCache(address: string): Promise<PackageCache> {
  mkdirSync(FOLDER, { recursive: true });
  let withheld: RegExp | null = null;
  const server = createServer((asked, answer) => {
    if (withheld?.test(asked.url ?? '')) return void answer.writeHead(404).end();
    serve(asked.url ?? '', asked.headers, answer).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo; // It listens on TCP: never a pipe's name.
  return {
    url: `http://${address}:${port}`,
    withhold: (addresses) => {
      withheld = addresses;
    },
    end: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(url: string, headers: NodeJS.Dict<string | string[]>, answer: ServerResponse): Promise<void> {
  const kept = join(FOLDER, createHash('sha256').update(url).digest('hex'));
  const isPackage = url.endsWith('.deb');
  if (isPackage && existsSync(kept)) return pipeline(createReadStream(kept), answer);
  const fetched = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { headers }, resolve).once('error', reject).end();
  });
  if (!isPackage || fetched.statusCode !== 200 || headers['range'] !== undefined) {
    answer.writeHead(fetched.statusCode ?? 502, fetched.headers);
    return pipeline(fetched, answer);
  }
  // Whole before it is given on: what breaks off is no package.
  const fresh = `${kept}.${process.pid}.${Date.now()}`;
  try {
    await pipeline(fetched, createWriteStream(fresh));
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, { force: true });
  }
  await pipeline(createReadStream(kept), answer);
}
