import { execFileSync } from 'node:child_process';
import type { Host } from '../../activities/host/host';
import { sh } from '../../activities/host/shell';
import type { ShellCommand } from '../../activities/host/shell';
import { createSshPool } from '../../activities/host/ssh-pool';
import type { SshPool } from '../../activities/host/ssh-pool';
import { goldenImage } from './support/engine';
import { createTestHost } from './support/host';
import type { TestHost } from './support/host';

/** What the golden image promises, seen from a host that booted it, and from the image itself. */

jest.setTimeout(180_000);

let made: TestHost;
let pool: SshPool;
let host: Host;

beforeAll(async () => {
  made = await createTestHost();
  pool = createSshPool({ controlKey: made.controlKey.privatePem, connectTimeoutMs: 30_000 });
  host = pool.host({ label: 'fresh', ssh: made.host.ssh, hostKey: made.hostKey.publicLine });
});
afterAll(async () => {
  pool?.close();
  await made?.end();
});

const run = async (command: ShellCommand): Promise<string> => (await host.run(command)).trim();
const inImage = async (script: string): Promise<string> =>
  execFileSync(
    'docker',
    ['run', '--rm', '--network', 'none', '--entrypoint', 'sh', await goldenImage(), '-c', script],
    { encoding: 'utf8' },
  ).trim();

test('a fresh host listens on port 22 and nowhere else', async () => {
  // 127.0.0.11 is the Docker engine's name server for the container, not the host's.
  const listening = await run(sh`ss -Hlntu | awk '{print $5}' | grep -v '^127.0.0.11:' | sed 's/.*://' | sort -u`);
  expect(listening).toBe('22');
});

test('nothing runs on a fresh host but sshd and the journal', async () => {
  const services = await run(
    sh`systemctl list-units --type=service --state=running --plain --no-legend | awk '{print $1}' | sort | tr '\n' ' '`,
  );
  expect(services).toBe('ssh.service systemd-journald.service');
});

test('sshd lets in keys only, and shows the one host key that the control plane made', async () => {
  const settings = await run(sh`sshd -T`);
  expect(settings).toMatch(/^passwordauthentication no$/m);
  expect(settings).toMatch(/^kbdinteractiveauthentication no$/m);
  expect(settings.match(/^hostkey .*$/gm)).toEqual(['hostkey /etc/ssh/ssh_host_ed25519_key']);
});

test.each([
  ['SSH host keys', 'ls /etc/ssh/ssh_host_* 2>/dev/null'],
  ['private keys', `grep -rlI -e 'PRIVATE KEY-----' /etc /root /home /var /srv /opt 2>/dev/null`],
  ['passwords', `awk -F: '$2 !~ /^[!*]/' /etc/shadow`],
  ['authorized keys', 'ls -A /root/.ssh 2>/dev/null'],
  ['a machine identity', 'cat /etc/machine-id 2>/dev/null'],
  ['databases', 'ls -A /var/lib/postgresql /etc/postgresql 2>/dev/null | grep -v :'],
])('the image holds no %s', async (_what, script) => {
  expect(await inImage(`${script}; true`)).toBe('');
});

test('the check for private keys would find one', async () => {
  const script = `echo '-----BEGIN PRIVATE KEY-----' > /etc/planted; grep -rlI -e 'PRIVATE KEY-----' /etc`;
  expect(await inImage(script)).toBe('/etc/planted');
});

test('the catalogue in the image tells the versions that are really there', async () => {
  const catalogue: unknown = JSON.parse(await inImage('cat /etc/holdfast/image.json'));
  for (const major of ['15', '17', '18']) {
    const version = await inImage(`/usr/lib/postgresql/${major}/bin/postgres --version`);
    expect(catalogue).toHaveProperty(['postgresql', major], version.split(' ')[2]);
  }
  expect(catalogue).toHaveProperty(
    ['tools', 'etcd'],
    (await inImage('etcd --version')).match(/etcd Version: (\S+)/)?.[1],
  );
  expect(catalogue).toHaveProperty(['tools', 'patroni'], (await inImage('patroni --version')).split(' ')[1]);
});

test.each([
  ['patroni', '4.1.1'],
  ['etcd-server', '3.5.28'],
  ['etcd-client', '3.5.28'],
])('%s is not older than %s, which loses or leaks data', async (name, floor) => {
  await inImage(`dpkg --compare-versions "$(dpkg-query -W -f '\${Version}' ${name})" ge ${floor}`);
});

test('install.sh changes nothing on a host where it ran before', async () => {
  const copy = `tar -C infra/images -c install.sh apt files | docker exec -i ${made.host.id} tar -C /root -x`;
  execFileSync('sh', ['-c', copy]);
  await run(sh`touch /root/mark; sleep 1`);
  const output = await host.run(sh`HOST_KIND=container bash /root/install.sh 2>&1`, { timeoutMs: 120_000 });
  const changed = await run(sh`find / -xdev -newer /root/mark ! -type d ! -path '/root/*' ! -path '/proc/*'`);
  expect({ output, changed }).toMatchObject({ changed: '' });
});
