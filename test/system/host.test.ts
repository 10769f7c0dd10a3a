import { pino } from 'pino';
import type { Host } from '../../activities/host/host';
import { quote, sh } from '../../activities/host/shell';
import { createSshPool } from '../../activities/host/ssh-pool';
import type { SshPool } from '../../activities/host/ssh-pool';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { describeHostContract } from './host-contract';
import { createTestHost } from './support/host';
import type { TestHost } from './support/host';

const logged: string[] = [];
const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });

describeHostContract('a host over SSH', async () => {
  const machine = await createTestHost();
  return {
    target: { label: 'orders/gw-1', ssh: machine.host.ssh, hostKey: machine.hostKey.publicLine },
    openPool: (controlKey = machine.controlKey.privatePem) => createSshPool({ controlKey, logger }),
    end: () => machine.end(),
  };
});

let machine: TestHost;
let pool: SshPool;
let host: Host;

beforeAll(async () => {
  machine = await createTestHost();
  pool = createSshPool({ controlKey: machine.controlKey.privatePem, logger });
  host = pool.host({ label: 'orders/gw-1', ssh: machine.host.ssh, hostKey: machine.hostKey.publicLine });
  await host.run(sh`true`, { connectTimeoutMs: 30_000 });
});

afterAll(async () => {
  pool.close();
  await machine.end();
});

const run = async (command: Parameters<Host['run']>[0]): Promise<string> => (await host.run(command)).trim();

describe('a command', () => {
  test('of three hundred quick ones, every one tells its exit code', async () => {
    const batch = async (): Promise<string[]> => Promise.all(Array.from({ length: 6 }, () => host.run(sh`true`)));
    for (let i = 0; i < 50; i++) expect(await batch()).toEqual(Array(6).fill(''));
  });

  test('of forty at once, all get through one connection', async () => {
    const commands = Array.from({ length: 40 }, (_, i) =>
      run(sh`sh -c ${'sleep 0.1; echo "$0 $SSH_CONNECTION"'} ${i}`),
    );
    const answers = await Promise.all(commands);
    expect(answers.map((answer) => Number(answer.split(' ')[0]))).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(new Set(answers.map((answer) => answer.split(' ').slice(1).join(' '))).size).toBe(1);
  });

  test('is logged without its input', async () => {
    await host.run(sh`cat`, { stdin: 'hunter2', title: 'hand over a password' });
    expect(logged.join('')).toContain('hand over a password');
    expect(logged.join('')).not.toContain('hunter2');
  });
});

describe('a connection', () => {
  test('that broke is made again for the next command; one that runs is told', async () => {
    const running = host.run(sh`sleep 30`);
    running.catch(() => undefined);
    const killSessions = `pkill -KILL -f '^sshd-session: root' || pkill -KILL -f '^sshd: root'`;
    await host.run(sh`systemd-run --quiet --no-block -- sh -c ${killSessions}`).catch(() => undefined);
    await expect(running).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    expect(await run(sh`echo back`)).toBe('back');
  });

  test('without commands is closed after a while', async () => {
    const closing = createSshPool({ controlKey: machine.controlKey.privatePem, logger, idleMs: 50 });
    const same = closing.host({ label: 'x', ssh: machine.host.ssh, hostKey: machine.hostKey.publicLine });
    const port = (await same.run(sh`sh -c ${'echo "${SSH_CONNECTION}" | cut -d" " -f2'}`)).trim();
    const gone = `while ss -Htn state established | grep -q ${quote(`:${port} `)}; do sleep 0.05; done`;
    await host.run(sh`sh -c ${gone}`, { timeoutMs: 10_000 });
    closing.close();
  });
});

// The last one: it takes the host away.
test('a host that was made anew at the same address gets a connection of its own, by its new key only', async () => {
  const hostKey = makeHostKey();
  const { ssh } = await machine.remake(hostKey);
  const renewed = pool.host({ label: 'orders/gw-1', ssh, hostKey: hostKey.publicLine });
  expect(await renewed.run(sh`echo new`, { connectTimeoutMs: 30_000 })).toBe('new\n');
  await expect(host.run(sh`true`)).rejects.toThrow();
});
