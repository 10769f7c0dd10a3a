import { CUT_SESSIONS, CUT_SESSIONS_FILE } from '../../activities/gateway/cut-sessions';
import { ALLOWED_IPS_FILE, HAPROXY_CONFIG_FILE, haproxyConfig, leadTo } from '../../activities/gateway/haproxy';
import type { Host } from '../../activities/host/host';
import { rootFile, startServices } from '../../activities/host/services';
import { inOrder, sh } from '../../activities/host/shell';
import { CA_FILE } from '../../activities/host/tls-paths';
import { createAuthority } from '../../activities/secrets/certificates';
import type { NodeName } from '../../domain/topology';
import { eventually } from '../support/eventually';
import { nodeOf, viewOf } from '../support/view';
import { enterTestHost } from './support/host';
import type { EnteredHost } from './support/host';

/** What HAProxy of a gateway does with its clients when a server goes down. The data nodes are addresses of the gateway's own host. */

const view = viewOf('ha-s');
const place = { bindAddress: '127.0.0.1' };
const CLIENTS = 5;

/** Says which servers are up, rather than HAProxy itself, whose looks would find no Patroni. */
const WITHOUT_LOOKS = `import socket, sys
for order in sys.argv[1:]:
    haproxy = socket.socket(socket.AF_UNIX)
    haproxy.connect('/run/haproxy/admin.sock')
    haproxy.sendall(order.encode() + b'\\n')
    haproxy.recv(4096)
`;

/** Greets whoever comes. With \`mute\`, whoever connects gets no answer at all, as from a host that has lost its power. */
const SERVER = `import socket, sys, time
address, mute = sys.argv[1], len(sys.argv) > 2
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((address, 5432))
server.listen(0 if mute else 100)
kept = []
if mute:
    for _ in range(4):
        other = socket.socket()
        other.setblocking(False)
        other.connect_ex((address, 5432))
        kept.append(other)
    time.sleep(3600)
while True:
    client, _ = server.accept()
    client.sendall(b'hello')
    kept.append(client)
`;

/** Each client writes down what became of it: it was greeted, and its connection was ended. */
const CLIENTS_OF_IT = `import os, socket, threading
def run(number):
    client = socket.create_connection(('127.0.0.1', 5432))
    note('began', number)
    try:
        while (heard := client.recv(100)): note('greeted', number)
    except OSError: pass
    note('ended', number)
def note(what, number): open('/run/clients/%s-%d' % (what, number), 'w').close()
for number in range(${CLIENTS}): threading.Thread(target=run, args=(number,)).start()
`;

let machine: EnteredHost;
let host: Host;

beforeAll(async () => {
  machine = await enterTestHost();
  ({ host } = machine);
  const { certificatePem } = await createAuthority('test', 1);
  await host.putFiles([
    rootFile('/run/server.py', SERVER),
    rootFile('/run/clients.py', CLIENTS_OF_IT),
    rootFile('/run/orders.py', WITHOUT_LOOKS),
  ]);
  for (const name of ['pg-1', 'pg-2'] as const)
    await host.run(sh`ip address add ${`${nodeOf(view, name).privateAddress}/32`} dev lo`);
  await startServices(host, {
    haproxy: [
      { ...rootFile(CA_FILE, certificatePem), mode: 0o644 },
      rootFile(ALLOWED_IPS_FILE, '127.0.0.0/8\n'),
      rootFile(CUT_SESSIONS_FILE, CUT_SESSIONS),
      rootFile(HAPROXY_CONFIG_FILE, haproxyConfig(view, place)),
    ],
  });
  const servers = ['pg-1', 'pg-2', 'pg-3'].map((name) => `primary/${name}`);
  await host.run(
    sh`python3 /run/orders.py ${[...servers.map((one) => `disable health ${one}`), ...servers.map((one) => `set server ${one} health down`)]}`,
  );
});
afterAll(() => machine.end());
beforeEach(() => host.run(sh`sh -c ${'rm -rf /run/clients && mkdir /run/clients'}`));

/** A server of the test, at the address of a data node. */
async function serve(name: NodeName, ...mute: readonly string[]): Promise<void> {
  const { privateAddress } = nodeOf(view, name);
  await host.run(
    sh`systemd-run --quiet --unit=${`server-${name}`} python3 /run/server.py ${[privateAddress, ...mute]}`,
  );
  await eventually(async () => (await host.run(sh`ss -Hltn src ${privateAddress}`)) !== '');
}

const connectClients = (): Promise<string> => host.run(sh`systemd-run --quiet --collect python3 /run/clients.py`);

const noted = async (what: 'began' | 'greeted' | 'ended'): Promise<number> =>
  Number(await host.run(sh`sh -c ${`ls /run/clients | grep -c "^${what}" || :`}`));

test('clients of a server that goes down are ended at once, also when it is up again a moment later', async () => {
  await serve('pg-1');
  await host.run(leadTo({ to: 'pg-1' }));
  await connectClients();
  await eventually(async () => (await noted('greeted')) === CLIENTS);
  await host.run(inOrder(leadTo({ from: 'pg-1', to: 'pg-2' }), leadTo({ from: 'pg-2', to: 'pg-1' })));
  await eventually(async () => (await noted('ended')) === CLIENTS);
});

test('so is a client whose connection to the server was just being made', async () => {
  await serve('pg-2', 'mute');
  await host.run(leadTo({ from: 'pg-1', to: 'pg-2' }));
  await connectClients();
  await eventually(async () => (await noted('began')) === CLIENTS, { everyMs: 50 });
  await host.run(leadTo({ from: 'pg-2', to: 'pg-1' }));
  await eventually(async () => (await noted('ended')) === CLIENTS);
  expect(await noted('greeted')).toBe(0);
});
