import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Folder } from './objects';

/**
 * Objects that hosts send in parts, straight to the store. Errors are those of the SDK: trouble.ts knows what they mean.
 */

/** In one upload. S3 would take ten times as many. */
export const MOST_PARTS = 1_000;

/** Uploads that were begun and not finished: the first thousand, and there are seldom two. */
export async function uploadsOf(s3: S3Client, { bucket, prefix }: Folder, begin: string): Promise<Begun[]> {
  const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix + begin });
  const { Uploads = [] } = await s3.send(command);
  return Uploads.flatMap(({ Key, UploadId }) =>
    Key === undefined || UploadId === undefined ? [] : [{ key: Key.slice(prefix.length), upload: UploadId }],
  );
}

export interface Begun {
  readonly key: string;
  readonly upload: string;
}

export async function beginUpload(s3: S3Client, { bucket, prefix }: Folder, key: string): Promise<string> {
  const command = new CreateMultipartUploadCommand({ Bucket: bucket, Key: prefix + key });
  const { UploadId } = await s3.send(command);
  if (UploadId === undefined) throw new Error('the store began an upload without an id');
  return UploadId;
}

/** Makes one object of all parts that were sent: a thousand at most, which a store tells at once. */
export async function finishUpload(s3: S3Client, { bucket, prefix }: Folder, { key, upload }: Begun): Promise<void> {
  const which = { Bucket: bucket, Key: prefix + key, UploadId: upload };
  const { Parts = [] } = await s3.send(new ListPartsCommand({ ...which, MaxParts: MOST_PARTS }));
  const parts = Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
  await s3.send(new CompleteMultipartUploadCommand({ ...which, MultipartUpload: { Parts: parts } }));
}

export async function abortUpload(s3: S3Client, { bucket, prefix }: Folder, { key, upload }: Begun): Promise<void> {
  await s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: prefix + key, UploadId: upload }));
}

export async function sizeOfObject(s3: S3Client, { bucket, prefix }: Folder, key: string): Promise<number> {
  const { ContentLength } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: prefix + key }));
  return ContentLength ?? 0;
}

export async function removeObject(s3: S3Client, { bucket, prefix }: Folder, key: string): Promise<void> {
  await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key }));
}
