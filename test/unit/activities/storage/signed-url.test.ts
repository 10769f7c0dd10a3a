import { signUrl } from '../../../../activities/storage/signed-url';

const KEYS = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

beforeAll(() => jest.useFakeTimers({ now: Date.parse('2013-05-24T00:00:00Z') }));
afterAll(() => jest.useRealTimers());

const sign = (pathStyle: boolean, query: Record<string, string> = {}): Promise<string> =>
  signUrl(KEYS, {
    method: 'GET',
    endpoint: 'https://s3.amazonaws.com:7443',
    site: { region: 'us-east-1', pathStyle },
    bucket: 'examplebucket',
    key: 'tl_a/dumps/test.txt',
    query,
    expiresS: 86_400,
  });

test('a URL names what it opens and for how long, and the key but not its secret', async () => {
  const url = new URL(await sign(true));
  expect(url.origin + url.pathname).toBe('https://s3.amazonaws.com:7443/examplebucket/tl_a/dumps/test.txt');
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
    'X-Amz-Date': '20130524T000000Z',
    'X-Amz-Expires': '86400',
    'X-Amz-SignedHeaders': 'host',
  });
  expect(url.href).not.toContain(KEYS.secretKey);
});

test('the bucket stands in the host name where the site wants it so', async () => {
  const url = new URL(await sign(false));
  expect(url.host + url.pathname).toBe('examplebucket.s3.amazonaws.com:7443/tl_a/dumps/test.txt');
});

test('what else the URL asks for is signed with it', async () => {
  const of = async (partNumber: string): Promise<string | null> =>
    new URL(await sign(true, { partNumber, uploadId: 'a/b+c=' })).searchParams.get('X-Amz-Signature');
  expect(await of('1')).toMatch(/^[0-9a-f]{64}$/);
  expect(await of('2')).not.toBe(await of('1'));
});
