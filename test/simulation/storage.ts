import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Credentials, Storage } from '../../activities/storage/storage';
import { HoldfastError } from '../../domain/errors';
import type { TimelineId } from '../../domain/ids';
import type { Site, SiteName } from '../../domain/sites';
import { readIfThere, replaceFile } from './files';
import type { World } from './world';

/** Sites of every world, in the order of preference. */
export const SIMULATED_SITES: readonly Site[] = ['primary', 'secondary', 'offsite'].map((name) => ({
  name,
  endpoint: `https://${name}.simulated`,
  hostEndpoint: `https://${name}.simulated`,
  region: 'us-east-1',
  bucket: 'holdfast',
  pathStyle: true,
  caPem: null,
  accounts: 'versitygw',
  clouds: ['docker', 'static'],
}));

/** Beside the account of a lineage on a site: while it is there, its sets can be listed there, but not be read to their end. */
export const UNREADABLE = 'unreadable';

/**
 * Object stores of a world: `sites/<name>/<timeline>/objects/<key>`, and `account` beside it. They belong to no process,
 * as real ones.
 */
export function createSimulatedStorage(world: World): Storage {
  const siteOf = (name: SiteName): Site => {
    const site = SIMULATED_SITES.find((one) => one.name === name);
    if (!site) throw new HoldfastError('NOT_FOUND', { kind: 'site', ref: name });
    return site;
  };
  const folder = (site: SiteName, timeline: TimelineId): string =>
    join(world.folder, 'sites', siteOf(site).name, timeline);
  const objects = (site: SiteName, timeline: TimelineId): string => join(folder(site, timeline), 'objects');
  const fileOf = (site: SiteName, timeline: TimelineId, key: string): string =>
    join(objects(site, timeline), encodeURIComponent(key));
  return {
    sites: SIMULATED_SITES,
    async check(site) {
      const { name } = siteOf(site);
      return Promise.resolve({
        site: name,
        ok: true,
        message: 'An object was written, read back and deleted.',
        remedy: null,
        durationMs: 0,
      });
    },
    place(name, timeline) {
      const { hostEndpoint, region, pathStyle, caPem, bucket } = siteOf(name);
      return {
        site: name,
        hostEndpoint,
        region,
        pathStyle,
        caPem,
        bucket: `${bucket}-${timeline.replaceAll('_', '-')}`,
        path: `/${timeline}`,
      };
    },
    makeAccount(site, timeline): Credentials {
      return { accessKey: `${siteOf(site).name}-${timeline}`, secretKey: 'simulated' };
    },
    currentKeys: (_site, _timeline, kept) => kept,
    async proveAccount(site, timeline, { accessKey }) {
      if (readIfThere(join(folder(site, timeline), 'account')) === accessKey) return Promise.resolve();
      const verb = 'write, read back and delete an object';
      throw new HoldfastError('SITE_REFUSED', { site, verb, detail: 'There is no such account.' });
    },
    async ensureAccount(site, timeline, { accessKey }) {
      mkdirSync(objects(site, timeline), { recursive: true });
      // Hosts write there as postgres.
      chmodSync(objects(site, timeline), 0o777);
      replaceFile(join(folder(site, timeline), 'account'), accessKey);
      return Promise.resolve();
    },
    async removeAccount(site, timeline) {
      return Promise.resolve(rmSync(join(folder(site, timeline), 'account'), { force: true }));
    },
    async *list(site, timeline, prefix) {
      const path = objects(site, timeline);
      const keys = existsSync(path) ? readdirSync(path).map(decodeURIComponent) : [];
      for (const key of keys.filter((one) => one.startsWith(prefix)).sort()) {
        const { size, mtime } = statSync(fileOf(site, timeline, key));
        yield await Promise.resolve({ key, sizeBytes: size, lastModified: mtime.toISOString() });
      }
    },
    async read(site, timeline, key) {
      const file = fileOf(site, timeline, key);
      return Promise.resolve(existsSync(file) ? readFileSync(file) : null);
    },
    async write(site, timeline, key, content) {
      if (!existsSync(objects(site, timeline))) {
        const detail = 'There is no such bucket.';
        throw new HoldfastError('SITE_REFUSED', { site, verb: 'write an object', detail });
      }
      return Promise.resolve(writeFileSync(fileOf(site, timeline, key), content));
    },
    large: {
      async sizeOf(site, timeline, key) {
        const file = fileOf(site, timeline, key);
        return Promise.resolve(existsSync(file) ? statSync(file).size : null);
      },
      async beginUpload(site, timeline, key) {
        // Parts are sent to a file of their own; hosts do it as postgres.
        const parts = `${fileOf(site, timeline, key)}.parts`;
        writeFileSync(parts, '', { flag: 'a' });
        chmodSync(parts, 0o666);
        return Promise.resolve({ site, timeline, key, id: 'simulated' });
      },
      async signParts({ site, timeline, key }, parts) {
        const file = encodeURIComponent(key);
        return Promise.resolve(
          Array.from({ length: parts }, () => `https://${site}.simulated/${timeline}/objects/${file}.parts`),
        );
      },
      async finishUpload({ site, timeline, key }) {
        const file = fileOf(site, timeline, key);
        return Promise.resolve(renameSync(`${file}.parts`, file));
      },
      async abortUploads(site, timeline, prefix, kept = []) {
        const path = objects(site, timeline);
        const begun = existsSync(path) ? readdirSync(path) : [];
        for (const name of begun)
          if (name.endsWith('.parts') && isTouched(decodeURIComponent(name), prefix, kept)) rmSync(join(path, name));
        return Promise.resolve();
      },
      async signDownload(site, timeline, key) {
        return Promise.resolve(`https://${site}.simulated/${timeline}/objects/${encodeURIComponent(key)}`);
      },
      async remove(site, timeline, key) {
        return Promise.resolve(rmSync(fileOf(site, timeline, key), { force: true }));
      },
    },
    async removeObjects(site, timeline) {
      return Promise.resolve(rmSync(objects(site, timeline), { recursive: true, force: true }));
    },
  };
}

const isTouched = (name: string, prefix: string, kept: readonly string[]): boolean =>
  name.startsWith(prefix) && !kept.some((key) => name === `${key}.parts`);
