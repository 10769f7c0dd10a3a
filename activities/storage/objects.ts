import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import type { StoredObject } from './storage';

/** Objects of a bucket under a prefix. Errors are those of the SDK: trouble.ts knows what they mean. */

export interface Folder {
  readonly bucket: string;
  /** Ends with a slash. */
  readonly prefix: string;
}

export async function* listObjects(s3: S3Client, { bucket, prefix }: Folder, begin = ''): AsyncGenerator<StoredObject> {
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix + begin })) {
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key === undefined) continue;
      const lastModified = (LastModified ?? new Date(0)).toISOString();
      yield { key: Key.slice(prefix.length), sizeBytes: Size ?? 0, lastModified };
    }
  }
}

export async function getObject(
  s3: S3Client,
  { bucket, prefix }: Folder,
  key: string,
  abortSignal?: AbortSignal,
): Promise<Buffer> {
  const command = new GetObjectCommand({ Bucket: bucket, Key: prefix + key });
  const { Body } = await s3.send(command, abortSignal ? { abortSignal } : {});
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

export async function putObject(
  s3: S3Client,
  { bucket, prefix }: Folder,
  key: string,
  content: Buffer,
  abortSignal?: AbortSignal,
): Promise<void> {
  const command = new PutObjectCommand({ Bucket: bucket, Key: prefix + key, Body: content });
  await s3.send(command, abortSignal ? { abortSignal } : {});
}

export async function deleteObject(
  s3: S3Client,
  { bucket, prefix }: Folder,
  key: string,
  abortSignal?: AbortSignal,
): Promise<void> {
  const command = new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key });
  await s3.send(command, abortSignal ? { abortSignal } : {});
}

/** Also uploads that were begun and never finished: they take room and no list of objects shows them. */
export async function deleteAll(s3: S3Client, { bucket: Bucket, prefix: Prefix }: Folder): Promise<void> {
  for (;;) {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
    if (Contents.length === 0) break;
    const Objects = Contents.map(({ Key }) => ({ Key }));
    const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
    const [first] = Errors ?? [];
    if (first) throw Object.assign(new Error('not all objects could be deleted'), { name: first.Code ?? 'Error' });
  }
  for (;;) {
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix }));
    if (Uploads.length === 0) break;
    for (const { Key, UploadId } of Uploads) await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
}
