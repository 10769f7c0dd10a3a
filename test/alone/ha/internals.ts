import { z } from 'zod';
import { ETCD_CLIENT_PORT, ETCD_PEER_PORT } from '../../../activities/etcd/config';
import { PATRONI_REST_PORT } from '../../../activities/patroni/config';
import { sql } from '../../../activities/postgres/sql';
import { send } from '../../system/support/tls-request';
import type { TlsRequest } from '../../system/support/tls-request';
import type { Ha } from '../../system/support/ha-cluster';
import { dataNodes, primaryOf, readSecret, runAsSuperuser } from '../../system/support/ha-cluster';

const NODE_EXPORTER = 9100;
const POSTGRES_EXPORTER = 9187;

const keyPairSchema = z.object({ certificatePem: z.string(), privateKeyPem: z.string() });

/** How the machinery behind the endpoint is set up, and that nobody gets at it without a certificate of this cluster. */
export function describeInternals(ha: Ha): void {
  type Call = Omit<TlsRequest, 'ca' | 'client'>;
  const plain = (call: Call) => send(call);
  const anonymous = (call: Call) => send({ ...call, ca: ha().credentials.caCertificate });
  const known = async (call: Call) => {
    const client = keyPairSchema.parse(JSON.parse(await readSecret(ha(), 'certificate/pg-1')));
    return send({ ...call, ca: ha().credentials.caCertificate, client });
  };
  const configSchema = z.looseObject({ ttl: z.number() });
  const patroniConfig = async (): Promise<z.infer<typeof configSchema>> => {
    const { privateAddress: host } = await primaryOf(ha());
    const { status, body } = await known({ host, port: PATRONI_REST_PORT, path: '/config' });
    expect(status).toBe(200);
    return configSchema.parse(JSON.parse(body));
  };

  test('a commit waits for a quorum, or for ever; pages have checksums; a lost etcd does not stop a healthy cluster', async () => {
    expect(await patroniConfig()).toMatchObject({
      synchronous_mode: 'quorum',
      synchronous_mode_strict: true,
      failsafe_mode: true,
    });
    const { name } = await primaryOf(ha());
    const show = (setting: string): Promise<string> =>
      runAsSuperuser(ha(), name, sql`select current_setting(${setting})`);
    expect(await show('data_checksums')).toBe('on');
    expect(await show('synchronous_standby_names')).toMatch(/^ANY 1 \(/);
    expect(await show('synchronous_commit')).toBe('on');
    expect(await show('fsync')).toBe('on');
    const inQuorum = sql`select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'`;
    expect(await runAsSuperuser(ha(), name, inQuorum)).toBe('2');
  });

  test('replication is encrypted', async () => {
    const { name } = await primaryOf(ha());
    const plainText = sql`select count(*) from pg_stat_replication r left join pg_stat_ssl s using (pid) where s.ssl is not true`;
    expect(await runAsSuperuser(ha(), name, plainText)).toBe('0');
  });

  test('etcd talks to nobody without a certificate of the cluster', async () => {
    for (const { privateAddress: host } of dataNodes(ha())) {
      expect((await known({ host, port: ETCD_CLIENT_PORT, path: '/version' })).status).toBe(200);
      // To peers it also holds that the certificate names the address they come from, so that ours does not help there.
      expect((await known({ host, port: ETCD_PEER_PORT, path: '/version' })).status).toBeNull();
      for (const port of [ETCD_CLIENT_PORT, ETCD_PEER_PORT]) {
        const call = { host, port, path: '/version' };
        expect((await anonymous(call)).status).toBeNull();
        expect((await plain(call)).status).not.toBe(200);
      }
    }
  });

  test("Patroni's REST API changes nothing for who shows no certificate, and speaks no plain HTTP", async () => {
    const before = await patroniConfig();
    for (const { privateAddress: host } of dataNodes(ha())) {
      const base = { host, port: PATRONI_REST_PORT };
      expect((await anonymous({ ...base, path: '/health' })).status).toBe(200);
      expect((await plain({ ...base, path: '/health' })).status).not.toBe(200);
      const writes = [
        ['PATCH', '/config', '{"ttl": 21}'],
        ['PUT', '/config', '{"ttl": 21}'],
        ['POST', '/switchover', '{"leader": "pg-1"}'],
        ['POST', '/failover', '{"candidate": "pg-2"}'],
        ['POST', '/restart', '{}'],
        ['POST', '/reinitialize', '{"force": true}'],
        ['POST', '/reload', ''],
        ['DELETE', '/restart', ''],
      ] as const;
      for (const [method, path, body] of writes) {
        expect([method, path, (await anonymous({ ...base, method, path, body })).status]).toEqual([method, path, 403]);
      }
    }
    expect(await patroniConfig()).toEqual(before);
  });

  test('exporters give metrics to who shows a certificate of the cluster, and to nobody else', async () => {
    for (const { role, privateAddress: host } of ha().nodes) {
      const ports = role === 'data' ? [NODE_EXPORTER, POSTGRES_EXPORTER] : [NODE_EXPORTER];
      for (const port of ports) {
        const call = { host, port, path: '/metrics' };
        const metrics = await known(call);
        expect(metrics.status).toBe(200);
        expect(metrics.body).toMatch(port === NODE_EXPORTER ? /^node_memory_MemTotal_bytes /m : /^pg_up 1$/m);
        expect((await anonymous(call)).status).toBeNull();
        expect((await plain(call)).body).not.toMatch(/^(node|pg)_/m);
      }
    }
  });
}
