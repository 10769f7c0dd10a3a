import { DeleteBucketCommand } from '@aws-sdk/client-s3';
import { HoldfastError } from '../../domain/errors';
import type { TimelineId } from '../../domain/ids';
import { placeOn } from '../../domain/sites';
import type { Site, SiteName } from '../../domain/sites';
import { makePassword } from '../secrets/passwords';
import { checkSite, proveFolder } from './check';
import { connectSite } from './connection';
import type { SiteConnection } from './connection';
import { largeObjects } from './large-objects';
import { deleteAll, getObject, listObjects, putObject } from './objects';
import type { Folder } from './objects';
import type { ConfiguredSite, Credentials, Storage, StoragePlace, StoredObject } from './storage';
import { ask, askIfThere, siteError } from './trouble';
import { createGatewayAdmin } from './versitygw';

/** The stores of an installation, and how to let go of them. */
export interface OpenStorage extends Storage {
  close(): void;
}

/** Opens the sites; nothing is asked of them yet. */
export function openStorage(configured: readonly ConfiguredSite[]): OpenStorage {
  const connections = configured.map(({ keys, ...site }) => connectSite(site, keys));
  const at = (name: SiteName): SiteConnection => {
    const connection = connections.find(({ site }) => site.name === name);
    if (!connection) throw new HoldfastError('NOT_FOUND', { kind: 'site', ref: name });
    return connection;
  };
  return {
    sites: connections.map(({ site }) => site),
    check: async (site) => checkSite(at(site)),
    place: (site, timeline) => placeOf(at(site).site, timeline),
    makeAccount(name, timeline) {
      const { site, keys } = at(name);
      if (site.accounts === 'shared') return keys;
      return { accessKey: bucketOf(site, timeline), secretKey: makePassword() };
    },
    currentKeys(name, _timeline, kept) {
      const { site, keys } = at(name);
      return site.accounts === 'shared' ? keys : kept;
    },
    proveAccount: async (name, timeline, keys) => proveAccount(at(name).site, timeline, keys),
    ensureAccount: async (name, timeline, keys) => ensureAccount(at(name), timeline, keys),
    removeAccount: async (name, timeline) => removeAccount(at(name), timeline),
    list: (name, timeline, prefix) => list(at(name), timeline, prefix),
    async read(name, timeline, key) {
      const { site, s3 } = at(name);
      return askIfThere(site, 'read an object', getObject(s3, folderOf(site, timeline), key));
    },
    async write(name, timeline, key, content) {
      const { site, s3 } = at(name);
      await ask(site, 'write an object', putObject(s3, folderOf(site, timeline), key, content));
    },
    large: largeObjects(at, folderOf),
    removeObjects: async (name, timeline) => removeObjects(at(name), timeline),
    close: () => connections.forEach((connection) => connection.close()),
  };
}

async function ensureAccount(connection: SiteConnection, timeline: TimelineId, keys: Credentials): Promise<void> {
  const { site } = connection;
  if (site.accounts === 'shared') return;
  const admin = createGatewayAdmin(connection);
  await ask(site, 'make an account', admin.ensureUser(keys));
  await ask(site, 'make a bucket', admin.ensureBucket(bucketOf(site, timeline), keys.accessKey));
}

async function proveAccount(site: Site, timeline: TimelineId, keys: Credentials): Promise<void> {
  const connection = connectSite(site, keys);
  try {
    await proveFolder(connection, folderOf(site, timeline));
  } finally {
    connection.close();
  }
}

async function* list({ site, s3 }: SiteConnection, timeline: TimelineId, prefix: string): AsyncGenerator<StoredObject> {
  try {
    yield* listObjects(s3, folderOf(site, timeline), prefix);
  } catch (error) {
    throw siteError(site, 'list objects', error);
  }
}

async function removeAccount(connection: SiteConnection, timeline: TimelineId): Promise<void> {
  const { site } = connection;
  if (site.accounts === 'shared') return;
  await ask(site, 'remove an account', createGatewayAdmin(connection).deleteUser(bucketOf(site, timeline)));
}

async function removeObjects({ site, s3 }: SiteConnection, timeline: TimelineId): Promise<void> {
  const folder = folderOf(site, timeline);
  await askIfThere(site, 'delete objects', deleteAll(s3, folder));
  if (site.accounts === 'shared') return;
  await askIfThere(site, 'delete a bucket', s3.send(new DeleteBucketCommand({ Bucket: folder.bucket })));
}

function placeOf(site: Site, timeline: TimelineId): StoragePlace {
  const { name, hostEndpoint, region, pathStyle, caPem } = site;
  return { site: name, hostEndpoint, region, pathStyle, caPem, bucket: bucketOf(site, timeline), path: `/${timeline}` };
}

const folderOf = (site: Site, timeline: TimelineId): Folder => placeOn(site, timeline);

const bucketOf = (site: Site, timeline: TimelineId): string => placeOn(site, timeline).bucket;
