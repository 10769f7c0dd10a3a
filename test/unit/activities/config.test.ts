import { etcdEnvironment, memberOf } from '../../../activities/etcd/config';
import { nodeExporterEnvironment, postgresExporterEnvironment, webConfig } from '../../../activities/exporters/config';
import { dataNodeBeside, dataNodesOf, gatewaysOf } from '../../../activities/fleet';
import { allowedIpsFile, haproxyConfig } from '../../../activities/gateway/haproxy';
import { keepalivedConfig } from '../../../activities/gateway/keepalived';
import { pgbouncerConfig, pgbouncerUsers } from '../../../activities/gateway/pgbouncer';
import { hbaLines } from '../../../activities/patroni/hba';
import { patroniConfig } from '../../../activities/patroni/config';
import { firstDatabaseScript } from '../../../activities/postgres/roles';
import { nodeOf, viewOf } from '../../support/view';

/** Golden tests: a changed file of a host shows as a changed snapshot, to be read before it is accepted. */

const ha = viewOf('ha-s');
const single = viewOf('sandbox', { version: '15', allowedIps: ['198.51.100.0/24'] });
const passwords = { superuser: 'S', replication: 'R', rewind: 'W' };

test('patroni.yml of an ha cluster', () => expect(patroniConfig(ha, nodeOf(ha, 'pg-2'), passwords)).toMatchSnapshot());
test('patroni.yml of a single node, PostgreSQL 15', () =>
  expect(patroniConfig(single, nodeOf(single, 'pg-1'), passwords)).toMatchSnapshot());
test('pg_hba.conf', () => expect(hbaLines(dataNodesOf(ha), gatewaysOf(ha))).toMatchSnapshot());
test('etcd', () =>
  expect(etcdEnvironment(nodeOf(ha, 'pg-1'), dataNodesOf(ha).map(memberOf), ha.cluster.id)).toMatchSnapshot());
test('an etcd that is alone does not wait for others when it starts', () => {
  const alone = viewOf('sandbox');
  const environment = etcdEnvironment(nodeOf(alone, 'pg-1'), dataNodesOf(alone).map(memberOf), alone.cluster.id);
  expect(environment).toMatch(/^ETCD_ELECTION_TIMEOUT="?500"?$/m);
});
test('haproxy.cfg', () => expect(haproxyConfig(ha)).toMatchSnapshot());
test('keepalived.conf of the second gateway', () =>
  expect(keepalivedConfig('10.213.0.60', 26, nodeOf(ha, 'gw-2'), gatewaysOf(ha))).toMatchSnapshot());
test('pgbouncer.ini and its users', () => expect(pgbouncerConfig(ha) + pgbouncerUsers('pa"ss')).toMatchSnapshot());
test('exporters', () =>
  expect([webConfig(), nodeExporterEnvironment(), postgresExporterEnvironment()]).toMatchSnapshot());
test('roles and first database', () =>
  expect(firstDatabaseScript(ha.cluster.spec, { pooler: 'P', owner: 'O' })).toMatchSnapshot());

test('the machine of the control plane and the asked blocks may connect, nobody else', () => {
  expect(allowedIpsFile(single).trim().split('\n')).toEqual(['127.0.0.0/8', '10.213.0.1/32', '198.51.100.0/24']);
});

test('an ha cluster commits by strict quorum; a single node, which has nobody to wait for, does not', () => {
  expect(patroniConfig(ha, nodeOf(ha, 'pg-1'), passwords)).toMatch(
    /synchronous_mode: quorum\n\s+synchronous_mode_strict: true/,
  );
  expect(patroniConfig(single, nodeOf(single, 'pg-1'), passwords)).not.toMatch('synchronous_mode');
});

test('every line of pg_hba.conf that lets someone in over the network asks for TLS and scram', () => {
  const open = hbaLines(dataNodesOf(ha), gatewaysOf(ha)).filter(
    (line) => line.startsWith('host') && !line.endsWith('reject'),
  );
  expect(open.length).toBeGreaterThan(0);
  for (const line of open) expect(line).toMatch(/^hostssl .* scram-sha-256/);
});

describe('a gateway that shares its machine with a data node', () => {
  const place = { bindAddress: '10.213.0.60' };
  const binds = (config: string): string[] => [...config.matchAll(/^ {2}bind (.*)$/gm)].map(([, where]) => where ?? '');

  test('serves on the floating address only: PostgreSQL has the ports of the others', () => {
    expect(binds(haproxyConfig(ha, place))).toEqual([
      '10.213.0.60:5432 transparent',
      '127.0.0.1:6434',
      '10.213.0.60:5433 transparent',
      '10.213.0.60:6432 transparent',
    ]);
    expect(binds(haproxyConfig(ha))).toEqual([':5432', ':5433', ':6432']);
  });

  test('leads its PgBouncer to the primary, not to the PostgreSQL beside it', () => {
    expect(pgbouncerConfig(ha, place)).toContain('* = host=127.0.0.1 port=6434\n');
    expect(haproxyConfig(ha, place)).toMatch(
      /frontend local\n {2}bind 127\.0\.0\.1:6434\n {2}tcp-request connection reject if \{ nbsrv\(primary\) gt 1 \}\n {2}default_backend primary\n/,
    );
  });

  test('is known by the machine that both have', () => {
    const shared = {
      nodes: ha.nodes.map((node) => (node.name === 'gw-1' ? { ...node, hostId: nodeOf(ha, 'pg-1').hostId } : node)),
    };
    const beside = shared.nodes.map((node) => dataNodeBeside(shared, node)?.name ?? null);
    expect(Object.fromEntries(shared.nodes.map(({ name }, i) => [name, beside[i]]))).toEqual({
      'pg-1': null,
      'pg-2': null,
      'pg-3': null,
      'gw-1': 'pg-1',
      'gw-2': null,
    });
  });
});
