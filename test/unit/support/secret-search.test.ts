import { createAuthority } from '../../../activities/secrets/certificates';
import { makePassword } from '../../../activities/secrets/passwords';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import { findSecrets, secretsOf } from '../../system/support/secret-search';

/** Checks the checker: a search that can't find a secret proves nothing. */

const place = (text: string) => ({ name: 'here', text: `known ${text}`, control: 'known' });

test('a password is found, and a place that holds nothing that is known is told', () => {
  const password = makePassword();
  const secrets = secretsOf('password', password);
  expect(findSecrets([place(`{"a":"${password}"}`)], secrets)).toEqual(['password in here']);
  expect(findSecrets([place('nothing')], secrets)).toEqual([]);
  expect(findSecrets([{ name: 'here', text: '', control: 'known' }], secrets)).toEqual([
    'here does not even hold known',
  ]);
});

test('a private key is found as text, in JSON and by any of its lines; its certificate is no secret', async () => {
  const pair = await createAuthority('orders', 10);
  const secrets = secretsOf('key', JSON.stringify(pair));
  expect(secrets.length).toBeGreaterThanOrEqual(2);
  expect(findSecrets([place(pair.privateKeyPem)], secrets)).toContain('key in here');
  expect(findSecrets([place(JSON.stringify({ nested: JSON.stringify(pair) }))], secrets)).toContain('key in here');
  expect(findSecrets([place(pair.privateKeyPem.split('\n')[2] ?? '')], secrets)).toEqual(['key in here']);
  expect(findSecrets([place(pair.certificatePem)], secrets)).toEqual([]);
});

test('an SSH host key is found by its private half only', () => {
  const key = makeHostKey();
  const secrets = secretsOf('host key', JSON.stringify(key));
  expect(findSecrets([place(key.privatePem)], secrets)).toContain('host key in here');
  expect(findSecrets([place(key.publicLine)], secrets)).toEqual([]);
});
