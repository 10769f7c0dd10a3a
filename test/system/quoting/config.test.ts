import fc from 'fast-check';
import { CUT_SESSIONS, CUT_SESSIONS_FILE } from '../../../activities/gateway/cut-sessions';
import { keepalivedConfig } from '../../../activities/gateway/keepalived';
import { allowedIpsFile, haproxyConfig } from '../../../activities/gateway/haproxy';
import { pgbouncerUsers } from '../../../activities/gateway/pgbouncer';
import { environmentFile, plainWord } from '../../../activities/host/config-text';
import { etcdEnvironment, memberOf } from '../../../activities/etcd/config';
import { dataNodesOf, gatewaysOf } from '../../../activities/fleet';
import { hbaLines } from '../../../activities/patroni/hba';
import { patroniConfig } from '../../../activities/patroni/config';
import { canonicalCidr } from '../../../domain/schemas/addresses';
import { nodeOf, viewOf } from '../../support/view';
import { FEW_RUNS, inImage, lineText, many, text, WHO_ENTERS } from './texts';

jest.setTimeout(180_000);

/** What the writers of configuration write is read back by the programs that read it on a host. */

const view = viewOf('ha-s');
const read = (values: readonly unknown[], lines: readonly string[]): Promise<unknown> => inImage(values, lines);

test("Patroni's YAML gives back every password", async () => {
  await fc.assert(
    fc.asyncProperty(many(fc.tuple(text, text, text)), async (passwords) => {
      const files = passwords.map(([superuser, replication, rewind]) =>
        patroniConfig(view, nodeOf(view, 'pg-1'), { superuser, replication, rewind }),
      );
      const seen = await read(files, [
        'import yaml',
        'auth = [yaml.safe_load(file)["postgresql"]["authentication"] for file in given]',
        'print(json.dumps([[one[who]["password"] for who in ("superuser", "replication", "rewind")] for one in auth]))',
      ]);
      expect(seen).toEqual(passwords);
    }),
    FEW_RUNS,
  );
});

test('a file of the environment gives back every value', async () => {
  await fc.assert(
    fc.asyncProperty(many(lineText), async (values) => {
      const names = values.map((_, i) => `V${i}`);
      const file = environmentFile(Object.fromEntries(values.map((value, i) => [`V${i}`, value])));
      const seen = await read(
        [file, names],
        [
          'open("/tmp/env", "w", newline="").write(given[0])',
          'script = ". /tmp/env\\n" + "".join("printf \'%%s\\\\0\' \\"$%s\\"\\n" % name for name in given[1])',
          'print(json.dumps(subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode().split("\\0")[:-1]))',
        ],
      );
      expect(seen).toEqual(values);
    }),
    FEW_RUNS,
  );
});

test('PgBouncer lets in who has the password of its file of users', async () => {
  // An empty one is none, and SASLprep makes another text of some: those that PgBouncer and libpq both take as they are.
  const password = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(many(password), async (passwords) => {
      const users = passwords.map((one, i) => pgbouncerUsers(one).replace(/^"\w+"/, `"u${i}"`)).join('');
      const logins = passwords.map((one, i) => ({ user: `u${i}`, password: one }));
      const wrong = logins.map((one) => ({ ...one, password: `${one.password}x` }));
      const entered = await inImage({ users, logins: [...logins, ...wrong] }, WHO_ENTERS);
      expect(entered).toEqual([...logins.map(() => true), ...wrong.map(() => false)]);
    }),
    FEW_RUNS,
  );
});
test('HAProxy takes every list of allowed networks', async () => {
  const cidr = fc
    .oneof(fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })), fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })))
    .map(([address, bits]) => canonicalCidr(`${address}/${bits}`))
    .filter((block) => block !== null);
  await fc.assert(
    fc.asyncProperty(many(cidr), async (allowedIps) => {
      const open = viewOf('ha-s', { allowedIps });
      expect(await read([haproxyConfig(open), allowedIpsFile(open), CUT_SESSIONS], HAPROXY)).toEqual([0, '']);
      expect(allowedIpsFile(open).trimEnd().split('\n').slice(2)).toEqual(allowedIps);
    }),
    FEW_RUNS,
  );
});
const HAPROXY = [
  'os.makedirs("/etc/holdfast/tls", exist_ok=True)',
  'subprocess.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout /tmp/k -out /etc/holdfast/tls/ca.crt -subj /CN=x -days 1".split(), check=True, stderr=subprocess.DEVNULL)',
  'open("/etc/haproxy/allowed-ips.lst", "w").write(given[1])',
  `open("${CUT_SESSIONS_FILE}", "w").write(given[2])`,
  'open("/tmp/haproxy.cfg", "w").write(given[0])',
  'done = subprocess.run(["haproxy", "-c", "-q", "-f", "/tmp/haproxy.cfg"], capture_output=True, text=True)',
  'print(json.dumps([done.returncode, done.stderr]))',
];

test('keepalived takes its file', async () => {
  const file = keepalivedConfig('10.213.0.60', 26, nodeOf(view, 'gw-2'), gatewaysOf(view), 'some0');
  const seen = await read(
    [file],
    [
      'real = next(name for name in sorted(os.listdir("/sys/class/net")) if name != "lo")',
      'open("/tmp/keepalived.conf", "w").write(given[0].replace("some0", real))',
      'done = subprocess.run(["keepalived", "-t", "-f", "/tmp/keepalived.conf"], capture_output=True, text=True)',
      'print(json.dumps([done.returncode, done.stderr]))',
    ],
  );
  expect(seen).toEqual([0, '']);
});

test('what a format has no way to carry is refused, and a password is not told', () => {
  fc.assert(
    fc.property(text, (value) => {
      if (/^[A-Za-z0-9_.:/-]+$/.test(value)) expect(plainWord(value)).toBe(value);
      else expect(() => plainWord(value)).toThrow('without quotes');
    }),
  );
  const control = fc
    .tuple(lineText, fc.constantFrom('\n', '\r', '\0', '\x7f'), lineText)
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(control, (value) => {
      expect(() => environmentFile({ A: value })).toThrow('control character');
      expect(() => pgbouncerUsers(value)).toThrow(/^a control character cannot stand in a line of configuration$/);
    }),
  );
  const evil = '10.0.0.1\n  server evil 192.0.2.1:5432';
  const bent = { ...view, nodes: view.nodes.map((node) => ({ ...node, privateAddress: evil })) };
  const peer = nodeOf(bent, 'gw-1');
  expect(() => haproxyConfig(bent)).toThrow('without quotes');
  expect(() => haproxyConfig(view, { bindAddress: evil })).toThrow('without quotes');
  expect(() => allowedIpsFile(viewOf('ha-s', { allowedIps: [evil] }))).toThrow('without quotes');
  expect(() => keepalivedConfig('10.213.0.60', 26, peer, [peer])).toThrow('without quotes');
  expect(() => hbaLines(dataNodesOf(bent), [])).toThrow('without quotes');
  expect(() => etcdEnvironment(nodeOf(bent, 'pg-1'), dataNodesOf(bent).map(memberOf), 'x')).toThrow(
    'control character',
  );
});
