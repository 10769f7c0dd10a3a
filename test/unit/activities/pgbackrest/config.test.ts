import {
  archiveConfig,
  backupConfig,
  pushConfig,
  restoreConfig,
  siteCaFile,
} from '../../../../activities/pgbackrest/config';
import { archiveFiles, restoreFiles } from '../../../../activities/pgbackrest/files';
import { goneHooks, hookFiles } from '../../../../activities/pgbackrest/hook-files';
import { ownBackupFiles, ownOrders } from '../../../../activities/pgbackrest/own-backups';
import { lineageOn, POLICY } from '../../../support/lineage';
import { nodeOf, viewOf } from '../../../support/view';

/** Golden tests: a changed file of a host shows as a changed snapshot, to be read before it is accepted. */

const two = lineageOn(['primary', 'secondary']);
const one = lineageOn(['secondary']);
const ha = viewOf('ha-s', { backups: POLICY });
const single = viewOf('sandbox', {
  version: '15',
  backups: { ...POLICY, sites: ['secondary'], retention: { unit: 'count', full: 3 } },
});

test('what the nodes of an ha cluster archive with, to two sites', () =>
  expect(archiveConfig(ha, two)).toMatchSnapshot());
test('what a single node archives with, to one site whose authority every host knows', () =>
  expect(archiveConfig(single, one)).toMatchSnapshot());
test('what is archived into the second site with: it knows of no other, by the number that it has everywhere', () =>
  expect(pushConfig(ha, two, 'secondary')).toMatchSnapshot());
test('what backups of an ha cluster are taken with, on the second node', () =>
  expect(backupConfig(ha, nodeOf(ha, 'pg-2'), two)).toMatchSnapshot());
test('what backups of a single node are taken with', () =>
  expect(backupConfig(single, nodeOf(single, 'pg-1'), one)).toMatchSnapshot());
test('what a new cluster is restored with: nothing expires by it, and nothing is archived', () =>
  expect(restoreConfig(ha, two)).toMatchSnapshot());

test('archiving knows of no other node, taking backups of all of them', () => {
  expect(archiveConfig(ha, two)).not.toMatch(/^pg[23]-/m);
  const hosts = [...backupConfig(ha, nodeOf(ha, 'pg-2'), two).matchAll(/^pg\d-host=(.*)$/gm)].map(([, host]) => host);
  expect(hosts).toEqual(['pg-1', 'pg-3'].map((name) => nodeOf(ha, name as 'pg-1').privateAddress));
});

test('only the other data nodes of the same cluster are let in, and only to its own stanza', () => {
  const allowed = [...archiveConfig(ha, two).matchAll(/^tls-server-auth=(.*)$/gm)].map(([, client]) => client);
  expect(allowed).toEqual(['pg-1', 'pg-2', 'pg-3'].map((node) => `${node}.orders=${two.timeline.id}`));
  expect(archiveConfig(single, one)).not.toContain('tls-server');
});

test('what pushes to one site shares neither locks nor spool with another, or with what fetches log', () => {
  const files = [archiveConfig(ha, two), ...['primary', 'secondary'].map((site) => pushConfig(ha, two, site))];
  for (const option of ['spool-path', 'lock-path']) {
    const values = files.map((file) => new RegExp(`^${option}=(.*)$`, 'm').exec(file)?.[1]);
    expect(new Set(values).size).toBe(3);
  }
});

test('every store is spoken to over TLS that is verified, and holds nothing that is not encrypted', () => {
  for (const config of [archiveConfig(ha, two), backupConfig(ha, nodeOf(ha, 'pg-1'), two), restoreConfig(ha, two)]) {
    for (const repository of [1, 2]) {
      expect(config).toContain(`repo${repository}-storage-verify-tls=y\n`);
      expect(config).toContain(`repo${repository}-cipher-type=aes-256-cbc\n`);
    }
  }
});

test('files that hold keys are read by postgres alone, and authorities lie where the configuration says', () => {
  const files = [...archiveFiles(ha, two), ...restoreFiles(ha, two)];
  for (const { content, mode, owner } of files.filter((file) => /secret-|PASSPHRASE/.test(file.content)))
    expect([content.length > 0, mode, owner]).toEqual([true, 0o600, 'postgres:postgres']);
  const authorities = files.filter(({ path }) => path === siteCaFile('primary'));
  expect(authorities.map(({ content }) => content)).toEqual(['CA OF THE SITE\n', 'CA OF THE SITE\n']);
  expect(archiveConfig(ha, two)).toContain(`repo1-storage-ca-file=${siteCaFile('primary')}\n`);
});

test.each(['a\nrepo1-host=elsewhere', 'a\rb', 'a\0b', 'a\x1bb', 'a\x7fb'])(
  'a value with a control character is refused, and not told: %j',
  (value) => {
    for (const lineage of [
      lineageOn(['primary'], { passphrase: value }),
      lineageOn(['primary'], { secretKey: value }),
    ]) {
      const writers = [
        () => archiveConfig(ha, lineage),
        () => pushConfig(ha, lineage, 'primary'),
        () => backupConfig(ha, nodeOf(ha, 'pg-1'), lineage),
        () => restoreConfig(ha, lineage),
      ];
      for (const write of writers) expect(write).toThrow(/^a control character cannot stand in a line/);
    }
  },
);

test('the name of a site that is no word is refused', () => {
  for (const name of ['a b', 'a\n', '../x y', '']) expect(() => siteCaFile(name)).toThrow('cannot stand');
});

test('what a node takes overdue backups by', () => {
  const policy = { ...POLICY, timeZone: 'Europe/Paris' };
  expect(ownBackupFiles(ownOrders(ha, nodeOf(ha, 'pg-2'), two, policy)).slice(1)).toMatchSnapshot();
});

test('a node has the scripts that its policy has, and knows which it has no more', () => {
  const policy = { hooks: { pre: { script: '#!/bin/sh\ntrue\n', timeoutSeconds: 60 }, post: null } };
  expect([hookFiles(policy), goneHooks(policy)]).toMatchSnapshot();
});
