import type { TimelineId } from '../../domain/ids';
import type { Site, SiteCheck, SiteName } from '../../domain/sites';

/** A key and its secret: what opens a site, or a part of it. Never in an error, a log line or an answer. */
export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** A site with the keys that its entry in the sites file has. */
export interface ConfiguredSite extends Site {
  readonly keys: Credentials;
}

/** Where a timeline's backups lie, as its hosts reach them. */
export interface StoragePlace extends Pick<Site, 'hostEndpoint' | 'region' | 'bucket' | 'pathStyle' | 'caPem'> {
  readonly site: SiteName;
  /** Begins with a slash; nothing of another timeline lies under it. */
  readonly path: string;
}

export interface StoredObject {
  /** Within the timeline's {@link StoragePlace.path}, without a slash at its beginning. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly lastModified: string;
}

/**
 * Objects of any size. What moves them are hosts, by URLs that each allow one request for a while and that are made for
 * the address at which hosts reach the site; nothing of the content passes through here. Throws as {@link Storage}.
 */
export interface LargeObjects {
  /** Bytes of an object that is whole; null when there is none. */
  sizeOf(site: SiteName, timeline: TimelineId, key: string): Promise<number | null>;
  /** Begins an upload in parts of that object, or finds the one that was begun. Undo: {@link abortUploads}. */
  beginUpload(site: SiteName, timeline: TimelineId, key: string): Promise<Upload>;
  /** A URL to send each part to, from the first on. */
  signParts(upload: Upload, parts: number, expiresS: number): Promise<string[]>;
  /** Makes the object of the parts that were sent; nothing of it can be seen before. */
  finishUpload(upload: Upload): Promise<void>;
  /** Forgets uploads of objects whose key begins with `prefix`, with the parts that were sent, but for these keys. Default: none. */
  abortUploads(site: SiteName, timeline: TimelineId, prefix: string, kept?: readonly string[]): Promise<void>;
  signDownload(site: SiteName, timeline: TimelineId, key: string, expiresS: number): Promise<string>;
  /** Whether or not it is there. No undo. */
  remove(site: SiteName, timeline: TimelineId, key: string): Promise<void>;
}

export interface Upload {
  readonly site: SiteName;
  readonly timeline: TimelineId;
  readonly key: string;
  /** The store's own name of it. */
  readonly id: string;
}

/**
 * The object stores of an installation.
 *
 * All but `place`, `makeAccount` and `currentKeys` can throw SITE_UNAVAILABLE (retryable: it does not answer, or has trouble) and
 * SITE_REFUSED (not retryable: certificate, keys, rights, no bucket, disk full); all but `check` NOT_FOUND for a site that
 * is not in the sites file. All are idempotent.
 */
export interface Storage {
  /** In the order of preference. */
  readonly sites: readonly Site[];
  /** Writes an object, reads it back, compares and deletes it: 5 s at most. Never throws for what is wrong with the site. */
  check(site: SiteName): Promise<SiteCheck>;
  /** Pure. */
  place(site: SiteName, timeline: TimelineId): StoragePlace;
  /** What will open that timeline's place there: to be kept in the secret store before {@link ensureAccount}. */
  makeAccount(site: SiteName, timeline: TimelineId): Credentials;
  /**
   * Pure. What opens that timeline's place now: what was kept of {@link makeAccount}, but where accounts are `shared` the
   * site's own keys, which may have been given anew since.
   */
  currentKeys(site: SiteName, timeline: TimelineId, kept: Credentials): Credentials;
  /** Writes an object with these keys where the timeline's backups are to lie, reads it back, compares and deletes it. */
  proveAccount(site: SiteName, timeline: TimelineId, keys: Credentials): Promise<void>;
  /** Makes what the keys open, or gives it these keys. Undo: {@link removeAccount}, {@link removeObjects}. */
  ensureAccount(site: SiteName, timeline: TimelineId, keys: Credentials): Promise<void>;
  /** From now on the timeline's keys open nothing; where accounts are `shared` they are the site's own, and stay. */
  removeAccount(site: SiteName, timeline: TimelineId): Promise<void>;
  /** Objects whose key begins with `prefix`, in the order of their keys. */
  list(site: SiteName, timeline: TimelineId, prefix: string): AsyncIterable<StoredObject>;
  /** A small object; null when there is none. */
  read(site: SiteName, timeline: TimelineId, key: string): Promise<Buffer | null>;
  /** A small object, in the place of one that may be there. */
  write(site: SiteName, timeline: TimelineId, key: string, content: Buffer): Promise<void>;
  /** Large objects, which hosts send and fetch themselves. */
  readonly large: LargeObjects;
  /** Deletes all that the timeline has there, unfinished uploads and a bucket of its own included. No undo. */
  removeObjects(site: SiteName, timeline: TimelineId): Promise<void>;
}
