import { inspect } from 'node:util';
import {
  parseCertificate,
  parseHostKey,
  parseKeyPair,
  SECRET_NAMES,
} from '../../../../activities/secrets/stored-secrets';

test('the names are those under which stored secrets are found: another one would lose them', () => {
  const { authority, certificate, hostKey, role } = SECRET_NAMES;
  expect([authority, certificate('pg-1'), hostKey('gw-2'), role('app')]).toEqual([
    'ca',
    'certificate/pg-1',
    'ssh-host-key/gw-2',
    'role/app',
  ]);
});

test('what was written is read, and of a certificate without its key', () => {
  const pair = { certificatePem: 'CERT', privateKeyPem: 'KEY' };
  expect(parseKeyPair(JSON.stringify(pair))).toEqual(pair);
  expect(parseCertificate(JSON.stringify(pair))).toBe('CERT');
  const key = { privatePem: 'KEY', publicLine: 'ssh-ed25519 AAAA' };
  expect(parseHostKey(JSON.stringify(key))).toEqual(key);
});

test.each(['KEY-MATERIAL', '"KEY-MATERIAL"', '{"privateKeyPem":"KEY-MATERIAL"}', 'null'])(
  '%s is refused without a word of it',
  (text) => {
    for (const parse of [parseKeyPair, parseCertificate, parseHostKey]) {
      let thrown: unknown;
      try {
        parse(text);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ code: 'SECRET_UNREADABLE' });
      expect(inspect(thrown)).not.toContain('KEY-MATERIAL');
    }
  },
);
