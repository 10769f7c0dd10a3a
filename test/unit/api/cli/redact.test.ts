import { withoutSecrets } from '../../../../api/cli/doctor/redact';

test.each([
  ['a token', 'Authorization: Bearer hft_01m7_abcdefghijklmnopqrstuvwxyz', 'hft_01m7'],
  ['a token in a sentence', 'token hft_01m7xk_Zk9abcdefghijklmnopqrst was refused', 'Zk9'],
  [
    'a private key',
    `x\n-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n`,
    'c2VjcmV0',
  ],
  ['the password of a URL', 'connect to postgres://app:s3cret@10.0.0.1:5432/app', 's3cret'],
  ['a setting', 'password=s3cret sslmode=verify-full', 's3cret'],
  ['a quoted setting', `password = 's3 cret' host=x`, 's3 cret'],
  ['a member of JSON', '{"password": "s3\\"cret", "name": "orders"}', 'cret'],
  ['a verifier', 'CREATE ROLE app PASSWORD SCRAM-SHA-256$4096:c2FsdA==$a:b', 'c2FsdA'],
])('%s is taken out', (_, text, secret) => {
  expect(withoutSecrets(text)).not.toContain(secret);
});

test('what helps stays', () => {
  const text = '{"level":40,"host":"orders/pg-1","msg":"activity failed","error":"exit code 3: no space left"}';
  expect(withoutSecrets(text)).toBe(text);
  expect(withoutSecrets('{"password": "x", "name": "orders"}')).toContain('"name": "orders"');
});
