import type { TimelineId } from '../../domain/ids';
import type { Site, SiteName } from '../../domain/sites';
import type { SiteConnection } from './connection';
import type { Folder } from './objects';
import { signUrl } from './signed-url';
import type { SignedRequest } from './signed-url';
import type { LargeObjects } from './storage';
import { ask, askIfThere } from './trouble';
import { abortUpload, beginUpload, finishUpload, removeObject, sizeOfObject, uploadsOf } from './uploads';

/** See {@link LargeObjects}. */
export function largeObjects(
  at: (name: SiteName) => SiteConnection,
  folderOf: (site: Site, timeline: TimelineId) => Folder,
): LargeObjects {
  const folder = (name: SiteName, timeline: TimelineId): Folder => folderOf(at(name).site, timeline);
  const sign = (name: SiteName, timeline: TimelineId, request: Signable): Promise<string> =>
    signFor(at(name), folder(name, timeline), request);
  return {
    async sizeOf(name, timeline, key) {
      const { site, s3 } = at(name);
      return askIfThere(site, 'look at an object', sizeOfObject(s3, folder(name, timeline), key));
    },
    async beginUpload(name, timeline, key) {
      const { site, s3 } = at(name);
      const begun = await ask(site, 'list uploads', uploadsOf(s3, folder(name, timeline), key));
      const known = begun.find((one) => one.key === key)?.upload;
      const id = known ?? (await ask(site, 'begin an upload', beginUpload(s3, folder(name, timeline), key)));
      return { site: name, timeline, key, id };
    },
    signParts({ site: name, timeline, key, id }, parts, expiresS) {
      const numbers = Array.from({ length: parts }, (_, i) => String(i + 1));
      return Promise.all(
        numbers.map((partNumber) =>
          sign(name, timeline, { method: 'PUT', key, query: { partNumber, uploadId: id }, expiresS }),
        ),
      );
    },
    async finishUpload({ site: name, timeline, key, id }) {
      const { site, s3 } = at(name);
      await ask(site, 'finish an upload', finishUpload(s3, folder(name, timeline), { key, upload: id }));
    },
    async abortUploads(name, timeline, prefix, kept = []) {
      const { site, s3 } = at(name);
      const begun = await askIfThere(site, 'list uploads', uploadsOf(s3, folder(name, timeline), prefix));
      for (const one of begun?.filter(({ key }) => !kept.includes(key)) ?? [])
        await askIfThere(site, 'abort an upload', abortUpload(s3, folder(name, timeline), one));
    },
    signDownload: (name, timeline, key, expiresS) => sign(name, timeline, { method: 'GET', key, expiresS }),
    async remove(name, timeline, key) {
      const { site, s3 } = at(name);
      await askIfThere(site, 'delete an object', removeObject(s3, folder(name, timeline), key));
    },
  };
}

type Signable = Pick<SignedRequest, 'method' | 'key' | 'query' | 'expiresS'>;

/** For hosts: at the address where they reach the site. */
function signFor({ site, keys }: SiteConnection, { bucket, prefix }: Folder, request: Signable): Promise<string> {
  return signUrl(keys, { ...request, site, endpoint: site.hostEndpoint, bucket, key: prefix + request.key });
}
