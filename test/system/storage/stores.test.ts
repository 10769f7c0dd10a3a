import { readdirSync } from 'node:fs';
import { CreateMultipartUploadCommand, GetObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { ListObjectsV2Command, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { connectSite } from '../../../activities/storage/connection';
import { openStorage } from '../../../activities/storage/open';
import type { OpenStorage } from '../../../activities/storage/open';
import type { ConfiguredSite, Credentials } from '../../../activities/storage/storage';
import { describeStorageContract, listAll, newTimeline } from '../storage-contract';
import { eventually } from '../../support/eventually';
import { startStores } from '../support/stores';
import type { TestStores } from '../support/stores';
import type { TlsAnswer } from '../support/tls-request';
import { send } from '../support/tls-request';

/** Real object stores, as `npm start` brings them up: what they hold to, who may read what. */

let stores: TestStores;
let storage: OpenStorage;
let primary: ConfiguredSite;

beforeAll(async () => {
  stores = await startStores(['primary', 'secondary']);
  storage = openStorage(stores.sites);
  primary = stores.site('primary');
});
afterAll(async () => {
  storage.close();
  await stores.end();
});

const shared = (site: ConfiguredSite): ConfiguredSite => ({ ...site, accounts: 'shared' });

for (const [accounts, sitesOf] of [
  ['an account for each timeline', () => stores.sites],
  ['one account for all', () => stores.sites.map(shared)],
] as const) {
  describeStorageContract(`versitygw with ${accounts}`, () => {
    const [first, second] = [openStorage(sitesOf()), openStorage(sitesOf())];
    return Promise.resolve({
      storage: first,
      otherProcess: second,
      async end() {
        first.close();
        second.close();
        return Promise.resolve();
      },
    });
  });
}

/** Acts as a host of a cluster does, with that cluster's key. */
async function as<T>(keys: Credentials, act: (s3: S3Client) => Promise<T>): Promise<T> {
  const { s3, close } = connectSite(primary, keys);
  try {
    return await act(s3);
  } finally {
    close();
  }
}
const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'allowed',
    (error: unknown) => (error instanceof Error ? error.name : error),
  );

test('uploads that were begun are forgotten, but not those that somebody else works on', async () => {
  const timeline = newTimeline();
  await storage.ensureAccount('primary', timeline, storage.makeAccount('primary', timeline));
  const begin = async (key: string): Promise<string> => (await storage.large.beginUpload('primary', timeline, key)).id;
  const [mine, theirs] = [await begin('dumps/mine.tar'), await begin('dumps/theirs.tar')];
  expect([await begin('dumps/mine.tar'), await begin('dumps/theirs.tar')]).toEqual([mine, theirs]);
  await storage.large.abortUploads('primary', timeline, 'dumps/', ['dumps/theirs.tar']);
  expect(await begin('dumps/theirs.tar')).toBe(theirs);
  expect(await begin('dumps/mine.tar')).not.toBe(mine);
  await storage.removeObjects('primary', timeline);
});

test('a URL opens what it is for until its time is over, and nothing else', async () => {
  const timeline = newTimeline();
  await storage.ensureAccount('primary', timeline, storage.makeAccount('primary', timeline));
  await storage.write('primary', timeline, 'dumps/a.tar', Buffer.from('archive'));
  // As people reach it, rather than hosts.
  const near = openStorage([{ ...primary, hostEndpoint: primary.endpoint }]);
  const ca = primary.caPem ?? '';
  const get = async (url: string): Promise<TlsAnswer> => {
    const { hostname, port, pathname, search } = new URL(url);
    return send({ host: hostname, port: Number(port), path: pathname + search, ca });
  };
  const signed = await near.large.signDownload('primary', timeline, 'dumps/a.tar', 600);
  expect(await get(signed)).toEqual({ status: 200, body: 'archive' });
  expect((await get(signed.replace('a.tar', 'b.tar'))).status).toBe(403);
  expect((await get(signed.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000'))).status).toBe(403);
  const brief = await near.large.signDownload('primary', timeline, 'dumps/a.tar', 1);
  const refused = await eventually(async () => {
    const answer = await get(brief);
    return answer.status !== 200 && answer;
  });
  expect(refused).toEqual({ status: 403, body: expect.stringMatching(/expired/i) as unknown });
  near.close();
  await storage.removeObjects('primary', timeline);
});

describe('with the key of one timeline', () => {
  const [own, foreign] = [newTimeline(), newTimeline()];
  let keys: Credentials;

  beforeAll(async () => {
    for (const timeline of [own, foreign]) {
      const made = storage.makeAccount('primary', timeline);
      await storage.ensureAccount('primary', timeline, made);
      await storage.write('primary', timeline, 'backup', Buffer.from(timeline));
      if (timeline === own) keys = made;
    }
  });

  test('its own bucket can be read, written and listed', async () => {
    const { bucket: Bucket, path } = storage.place('primary', own);
    const Key = `${path.slice(1)}/backup`;
    const read = await as(keys, (s3) => s3.send(new GetObjectCommand({ Bucket, Key })));
    expect(await read.Body?.transformToString()).toBe(own);
    expect(await refusal(as(keys, (s3) => s3.send(new PutObjectCommand({ Bucket, Key: 'x', Body: 'y' }))))).toBe(
      'allowed',
    );
    expect(await refusal(as(keys, (s3) => s3.send(new ListObjectsV2Command({ Bucket }))))).toBe('allowed');
  });

  test("the bucket of another one and the site's own can neither be read nor written nor listed", async () => {
    const { bucket, path } = storage.place('primary', foreign);
    const Key = `${path.slice(1)}/backup`;
    for (const Bucket of [bucket, primary.bucket]) {
      for (const command of [
        (s3: S3Client) => s3.send(new GetObjectCommand({ Bucket, Key })),
        (s3: S3Client) => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'overwritten' })),
        (s3: S3Client) => s3.send(new ListObjectsV2Command({ Bucket })),
      ])
        expect(await refusal(as(keys, command))).toBe('AccessDenied');
    }
    expect(await storage.read('primary', foreign, 'backup')).toEqual(Buffer.from(foreign));
  });

  test('no account can be made, and no bucket be taken', async () => {
    const intruder = openStorage([{ ...primary, keys }]);
    const attempt = intruder.ensureAccount('primary', foreign, keys);
    await expect(attempt).rejects.toMatchObject({ code: 'SITE_REFUSED' });
    intruder.close();
  });

  test('a key that was given anew opens, the old one no longer does', async () => {
    const { bucket: Bucket } = storage.place('primary', own);
    const list = (s3: S3Client): Promise<unknown> => s3.send(new ListObjectsV2Command({ Bucket }));
    const fresh = storage.makeAccount('primary', own);
    await storage.ensureAccount('primary', own, fresh);
    expect(await refusal(as(fresh, list))).toBe('allowed');
    expect(await refusal(as(keys, list))).toBe('SignatureDoesNotMatch');
    await storage.removeAccount('primary', own);
    expect(await refusal(as(fresh, list))).toBe('InvalidAccessKeyId');
  });
});

test('where accounts are shared, keys that the sites file was given anew are those of every lineage, old ones too', () => {
  const kept = { accessKey: 'of-last-year', secretKey: 'of-last-year' };
  const timeline = newTimeline();
  const [own, all] = [openStorage([primary]), openStorage([shared(primary)])];
  expect(own.currentKeys('primary', timeline, kept)).toEqual(kept);
  expect(all.currentKeys('primary', timeline, kept)).toEqual(primary.keys);
  own.close();
  all.close();
});

test('an account is proven with its own keys, where its backups are to lie, and nothing is left of that', async () => {
  const timeline = newTimeline();
  const keys = storage.makeAccount('primary', timeline);
  await storage.ensureAccount('primary', timeline, keys);
  await storage.proveAccount('primary', timeline, keys);
  expect(await listAll(storage, 'primary', timeline)).toEqual([]);
  for (const wrong of [{ ...keys, secretKey: 'a-guess' }, storage.makeAccount('primary', newTimeline())])
    await expect(storage.proveAccount('primary', timeline, wrong)).rejects.toMatchObject({
      code: 'SITE_REFUSED',
      message: expect.stringContaining('does not know the keys') as string,
    });
  await storage.removeObjects('primary', timeline);
  await storage.removeAccount('primary', timeline);
});

test('removing objects also removes more than one page of them, unfinished uploads, and the bucket', async () => {
  const timeline = newTimeline();
  const made = storage.makeAccount('secondary', timeline);
  await storage.ensureAccount('secondary', timeline, made);
  const names = Array.from({ length: 1100 }, (_, i) => `archive/${String(i).padStart(4, '0')}`);
  for (let i = 0; i < names.length; i += 100)
    await Promise.all(
      names.slice(i, i + 100).map((name) => storage.write('secondary', timeline, name, Buffer.from(name))),
    );
  expect(await listAll(storage, 'secondary', timeline)).toEqual(names);

  const { bucket: Bucket } = storage.place('secondary', timeline);
  const { s3, close } = connectSite(stores.site('secondary'), made);
  const Key = `${timeline}/unfinished`;
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }));
  expect((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toHaveLength(1);
  close();

  await storage.removeObjects('secondary', timeline);
  expect(readdirSync(stores.dataFolder('secondary')).filter((name) => !name.startsWith('.'))).toEqual(['holdfast']);
  await storage.removeAccount('secondary', timeline);
});

test('a store that was stopped and started has what it had, under another certificate of the same authority', async () => {
  const timeline = newTimeline();
  const made = storage.makeAccount('primary', timeline);
  await storage.ensureAccount('primary', timeline, made);
  await storage.write('primary', timeline, 'kept', Buffer.from('kept'));
  await stores.stop('primary');
  await stores.start('primary');
  expect(await storage.read('primary', timeline, 'kept')).toEqual(Buffer.from('kept'));
  await storage.removeObjects('primary', timeline);
  await storage.removeAccount('primary', timeline);
});
