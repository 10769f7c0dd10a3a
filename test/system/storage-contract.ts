import { randomBytes } from 'node:crypto';
import type { Storage, StoredObject } from '../../activities/storage/storage';
import type { TimelineId } from '../../domain/ids';
import { makeId } from '../../domain/ids';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** The same sites, as another process sees them. */
  readonly otherProcess: Storage;
  end(): Promise<void>;
}

export const newTimeline = (): TimelineId => makeId('tl', Date.now(), randomBytes(16));

export async function listAll(storage: Storage, site: string, timeline: TimelineId, prefix = ''): Promise<string[]> {
  const found: StoredObject[] = [];
  for await (const object of storage.list(site, timeline, prefix)) found.push(object);
  return found.map(({ key }) => key);
}

/** What the object stores of an installation must hold to (activities/storage/storage.ts). */
export function describeStorageContract(name: string, make: () => Promise<StorageUnderTest>): void {
  describe(`the contract of object stores, held by ${name}`, () => {
    let env: StorageUnderTest;
    let storage: Storage;
    let site: string;
    const [one, other] = [newTimeline(), newTimeline()];

    beforeAll(async () => {
      env = await make();
      storage = env.storage;
      site = storage.sites[0]?.name ?? 'none';
    }, 60_000);
    afterAll(() => env.end());

    test('a site that is well says so, and nothing is left of the look', async () => {
      for (const { name: each } of storage.sites)
        expect(await storage.check(each)).toEqual({
          site: each,
          ok: true,
          message: 'An object was written, read back and deleted.',
          remedy: null,
          durationMs: expect.any(Number) as number,
        });
    });

    test('a site that is not there is told by its name', async () => {
      await expect(storage.check('nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND', values: { ref: 'nowhere' } });
      expect(() => storage.place('nowhere', one)).toThrow('There is no site nowhere here.');
    });

    test('an account is made once, by whichever process, and objects come back as they were written', async () => {
      const keys = storage.makeAccount(site, one);
      await storage.ensureAccount(site, one, keys);
      await env.otherProcess.ensureAccount(site, one, keys);
      expect(await storage.read(site, one, 'a/first')).toBeNull();
      const content = randomBytes(3000);
      await storage.write(site, one, 'a/first', Buffer.from('old'));
      await storage.write(site, one, 'a/first', content);
      await storage.write(site, one, 'a/second with a blank', Buffer.alloc(0));
      await storage.write(site, one, 'b/third', Buffer.from('3'));
      expect(await env.otherProcess.read(site, one, 'a/first')).toEqual(content);
      expect(await listAll(storage, site, one)).toEqual(['a/first', 'a/second with a blank', 'b/third']);
      expect(await listAll(storage, site, one, 'a/')).toEqual(['a/first', 'a/second with a blank']);
      for await (const { sizeBytes, lastModified } of storage.list(site, one, 'a/f')) {
        expect(sizeBytes).toBe(3000);
        expect(Math.abs(Date.now() - Date.parse(lastModified))).toBeLessThan(60_000);
      }
    });

    test('timelines have places of their own: one does not see or lose what the other has', async () => {
      await storage.ensureAccount(site, other, storage.makeAccount(site, other));
      await storage.write(site, other, 'a/first', Buffer.from('of the other'));
      const [here, there] = [storage.place(site, one), storage.place(site, other)];
      expect(`${here.bucket}${here.path}`).not.toBe(`${there.bucket}${there.path}`);
      expect(here).toMatchObject({ site, path: expect.stringMatching(/^\/[^/]/) as string });
      expect(await listAll(storage, site, other)).toEqual(['a/first']);
      await storage.removeObjects(site, one);
      expect(await storage.read(site, other, 'a/first')).toEqual(Buffer.from('of the other'));
    });

    test('what was removed is gone, and is removed again without a complaint', async () => {
      for (let times = 0; times < 2; times++) {
        await storage.removeAccount(site, other);
        await env.otherProcess.removeObjects(site, other);
      }
      const again = storage.makeAccount(site, other);
      await storage.ensureAccount(site, other, again);
      expect(await listAll(storage, site, other)).toEqual([]);
      await storage.removeObjects(site, other);
      await storage.removeAccount(site, other);
    });
  });
}
