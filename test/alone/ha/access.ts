import type { ClientConfig } from 'pg';
import { createAuthority } from '../../../activities/secrets/certificates';
import { SYSTEM_ROLES } from '../../../activities/patroni/hba';
import { eventually } from '../../support/eventually';
import { login, PORTS, query, refusal } from '../../system/support/endpoint';
import type { Port } from '../../system/support/endpoint';
import { demandSuccess, libpqEnvironment, runOn, runTool } from '../../system/support/image-tools';
import type { Ha } from '../../system/support/ha-cluster';
import { dataNodes, hostIdOf, readSecret } from '../../system/support/ha-cluster';

/** Who gets in, from where, and what they may do there. */
export function describeAccess(ha: Ha): void {
  const as = (port: Port, other: ClientConfig = {}): ClientConfig => ({ ...login(ha().credentials, port), ...other });

  describe.each(PORTS)('%s', (port) => {
    test('serves the owner over verified TLS', async () => {
      expect(await query(as(port), 'select current_user as name')).toEqual([{ name: ha().credentials.username }]);
    });

    test('refuses plain text', async () => {
      expect(await refusal(as(port, { ssl: false }))).toMatch(/no encryption|SSL required/);
    });

    test('is not believed by a client that trusts another CA', async () => {
      const stranger = await createAuthority('Holdfast cluster orders', 10);
      const refused = await refusal(as(port, { ssl: { ca: stranger.certificatePem, rejectUnauthorized: true } }));
      expect(refused).toMatch(/CERT|SIGNATURE|certificate/);
    });

    test('refuses a wrong password', async () => {
      expect(await refusal(as(port, { password: 'x'.repeat(32) }))).toMatch(/^(28P01|08P01) .*(password|SASL)/);
    });

    test("refuses Holdfast's own roles, also with the right password", async () => {
      for (const user of [SYSTEM_ROLES.superuser, SYSTEM_ROLES.replication, SYSTEM_ROLES.rewind]) {
        const password = await readSecret(ha(), `role/${user}`);
        for (const database of [ha().credentials.database, 'postgres']) {
          expect(await refusal(as(port, { user, password, database }))).toMatch(
            /pg_hba.conf|authentication failed|no such user/,
          );
        }
      }
    });

    test.each(['postgres', 'template1'])("does not let the owner into Holdfast's own database %s", async (database) => {
      expect(await refusal(as(port, { database }))).toMatch(/permission denied for database/);
    });

    test('drops a connection from an address that is not allowed, before a single byte', async () => {
      const { host, port: number } = login(ha().credentials, port);
      const [neighbour] = dataNodes(ha());
      if (!neighbour) throw new Error('no data node');
      const connect = `PGCONNECT_TIMEOUT=5 psql -w "host=${host} port=${number} user=nobody dbname=app sslmode=require" -c 'select 1'\n`;
      // The same words from the machine of the control plane get as far as being asked who is there.
      const allowed = await runTool(connect);
      expect(allowed.stderr).toMatch(/no password supplied|authentication failed|no such user/);
      const refused = await runOn(hostIdOf(neighbour), connect);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.stderr).toMatch(/server closed the connection unexpectedly|Connection reset by peer/);
    });
  });

  test('nobody reaches PostgreSQL past the gateways', async () => {
    for (const { privateAddress } of dataNodes(ha())) {
      expect(await refusal(as('primaryPort', { host: privateAddress, port: 5432 }))).toMatch(
        /^28000 pg_hba.conf rejects/,
      );
    }
  });

  test('the read-only port leads to a replica, where a row that was just written is seen', async () => {
    await query(as('primaryPort'), 'create table seen (word text)');
    await query(as('primaryPort'), `insert into seen values ('everywhere')`);
    const read = (): Promise<object[]> =>
      query(as('replicaPort'), 'select word, pg_is_in_recovery() as replica from seen');
    // A quorum has it on disk; that the replica has also replayed it takes a moment more.
    const rows = await eventually(async () => {
      const found = await read();
      return found.length > 0 && found;
    });
    expect(rows).toEqual([{ word: 'everywhere', replica: true }]);
    expect(await refusal(as('replicaPort'), `insert into seen values ('here')`)).toMatch(/^25006 /);
    await query(as('primaryPort'), 'drop table seen');
  });

  test('pgbench runs through the direct and the pooled port at once, and no transaction fails', async () => {
    const { credentials, cluster } = ha();
    const pgbench = `/usr/lib/postgresql/${cluster.spec.version}/bin/pgbench`;
    const run = (port: Port, options: string): Promise<string> => {
      const { host, port: number } = login(credentials, port);
      return runTool(
        `${libpqEnvironment(credentials)}export PGHOST=${host} PGPORT=${number}\n${pgbench} ${options} 2>&1\n`,
      ).then(demandSuccess);
    };
    await run('primaryPort', '-i -q -s 2');
    const reports = await Promise.all([
      run('primaryPort', '-n -c 2 -T 5'),
      run('pooledPort', '-n -c 4 -T 5 -M prepared'),
    ]);
    for (const report of reports) {
      expect(report).toMatch(/number of failed transactions: 0 /);
      expect(Number(/number of transactions actually processed: (\d+)/.exec(report)?.[1])).toBeGreaterThan(10);
    }
    console.log(
      reports.map((report, i) => `${['5432', '6432'][i] ?? ''}: ${/tps = [\d.]+/.exec(report)?.[0] ?? ''}`).join(', '),
    );
  });

  describe('the owner', () => {
    const FORBIDDEN = [
      'alter role app superuser',
      'alter role app replication',
      'alter role app bypassrls',
      'alter role app createrole',
      'create role other superuser',
      'create role other',
      'set role postgres',
      'set session authorization postgres',
      'grant postgres to app',
      'grant pg_execute_server_program to app',
      `copy (select 1) to program 'id'`,
      `copy (select 1) to '/tmp/x'`,
      `select pg_read_file('/etc/passwd')`,
      `select pg_ls_dir('/')`,
      'alter system set fsync = off',
      'create database other',
      'create extension file_fdw',
      'create language plpython3u',
      'select rolpassword from pg_authid',
      'select pg_terminate_backend(pid) from pg_stat_replication',
      'select pg_promote()',
      `select pg_create_physical_replication_slot('stuck')`,
      'select pg_reload_conf()',
    ];
    test.each(FORBIDDEN)('may not: %s', async (statement) => {
      const [row] = await query<{ super: boolean }>(
        as('primaryPort'),
        'select rolsuper as super from pg_roles where rolname = current_user',
      );
      expect(row).toEqual({ super: false });
      const refused = await refusal(as('primaryPort'), statement).catch((error: unknown) => String(error));
      expect(refused).toMatch(/^(42501|0LP01|0A000|58P01|42704) /);
    });

    test('creates tables and schemas in its database and gives what it owns to nobody else by default', async () => {
      const statements = [
        'create table made_here (id int primary key)',
        'create schema shop',
        'create table shop.orders (id int primary key)',
        'create extension pg_trgm',
        'drop schema shop cascade',
        'drop table made_here',
        'drop extension pg_trgm',
      ];
      for (const statement of statements) await query(as('primaryPort'), statement);
    });
  });
}
