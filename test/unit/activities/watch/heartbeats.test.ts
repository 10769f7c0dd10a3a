import { setTimeout as pause } from 'node:timers/promises';
import type { ServerChannel } from 'ssh2';
import { targetOf } from '../../../../activities/fleet';
import { sh } from '../../../../activities/host/shell';
import { ATTENTIVE } from '../../../../activities/host/ssh-connect';
import { createSshPool } from '../../../../activities/host/ssh-pool';
import type { SshPool } from '../../../../activities/host/ssh-pool';
import { makeHostKey } from '../../../../activities/secrets/ssh-keys';
import type { Listener } from '../../../../activities/watch/heartbeats';
import { listenTo } from '../../../../activities/watch/heartbeats';
import { eventually } from '../../../support/eventually';
import type { SshServer } from '../../../support/ssh-server';
import { startSshServer } from '../../../support/ssh-server';
import type { TcpProxy } from '../../../support/tcp-proxy';
import { startTcpProxy } from '../../../support/tcp-proxy';
import { nodeOf, viewOf } from '../../../support/view';

/** How soon a node is heard again: a real SSH server behind a cable that can be cut. On real hosts: test/alone/ha/autopilot.ts. */

const BEAT_MS = 250;
/** Two and a half silent seconds, half a second until the next try and a login, on a busy machine. Patience itself takes 15 s. */
const SOON_MS = 6_000;
const STUMBLE_MS = 1_200;
const view = viewOf('ha-s');

let server: SshServer;
let cable: TcpProxy;
let pools: { readonly ssh: SshPool; readonly watchSsh: SshPool };
let node: ReturnType<typeof nodeOf>;
let listener: Listener;
let loginMs: number;

const answer = (command: string, channel: ServerChannel): void => {
  if (!command.includes('pg_is_in_recovery')) {
    channel.exit(0);
    channel.end('done\n');
    return;
  }
  const beats = setInterval(() => channel.write('replica\n'), BEAT_MS);
  channel.on('close', () => clearInterval(beats));
};

beforeEach(async () => {
  loginMs = 0;
  server = await startSshServer(answer, () => loginMs);
  cable = await startTcpProxy(`127.0.0.1:${server.port}`);
  const silent = { debug: () => undefined, warn: () => undefined };
  const options = { controlKey: makeHostKey().privatePem, logger: silent };
  pools = { ssh: createSshPool(options), watchSsh: createSshPool({ ...options, patience: ATTENTIVE }) };
  const [host = '', port = ''] = cable.address.split(':');
  node = { ...nodeOf(view, 'pg-1'), ssh: { host, port: Number(port) }, hostKey: server.hostKey };
  listener = listenTo(pools, view, node);
});
afterEach(async () => {
  listener.stop();
  pools.ssh.close();
  pools.watchSsh.close();
  await Promise.all([cable.close(), server.close()]);
});

const isHeard = (): boolean => listener.heartbeat().role !== null && listener.heartbeat().silentMs < 3 * BEAT_MS;
const heard = (): Promise<true> => eventually(isHeard, { limitMs: 40_000 });
/** How long something takes. */
async function timed(act: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await act();
  return performance.now() - beganAt;
}

test('a host that lost its power and is back is heard again within seconds, and no command waits for the one from before', async () => {
  const host = pools.ssh.host(targetOf(view, node));
  await heard();
  expect(await host.run(sh`true`)).toBe('done\n');
  cable.strand();
  await eventually(() => !isHeard());
  expect(await timed(heard)).toBeLessThan(SOON_MS);
  expect(await timed(() => host.run(sh`true`))).toBeLessThan(SOON_MS);
});

test('one that froze and was switched off and on is heard again within seconds, whatever was begun meanwhile', async () => {
  await heard();
  // Its kernel takes connections, and nobody says a word.
  cable.block();
  await eventually(() => cable.connections > 2, { limitMs: 40_000 });
  cable.strand();
  cable.unblock();
  expect(await timed(heard)).toBeLessThan(SOON_MS);
});

test('one that only stumbles keeps its connection', async () => {
  await heard();
  for (let times = 0; times < 4; times++) {
    cable.block();
    await pause(STUMBLE_MS);
    cable.unblock();
    await heard();
  }
  expect(server.logins).toBe(1);
});

test('one whose login takes long gets longer from time to time, and is heard', async () => {
  listener.stop();
  const before = cable.connections;
  loginMs = 5_000;
  listener = listenTo(pools, view, { ...node, name: 'pg-2', ssh: { ...node.ssh, user: 'root' } });
  await heard();
  // After two and after four seconds it was given up.
  expect(cable.connections - before).toBeLessThanOrEqual(4);
});
