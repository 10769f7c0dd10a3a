import { pino } from 'pino';
import type { Host } from '../../../activities/host/host';
import { createSshPool } from '../../../activities/host/ssh-pool';
import type { SshPool } from '../../../activities/host/ssh-pool';
import { sh } from '../../../activities/host/shell';
import { makeHostKey } from '../../../activities/secrets/ssh-keys';
import { eventually } from '../../support/eventually';
import { makeMachines } from './machines';
import type { Machine, Machines } from './machines';

/** Commands and files on a machine where root does not log in. */

const controlKey = makeHostKey('control');
let machines: Machines;
let machine: Machine;
let ssh: SshPool;
let host: Host;

beforeAll(async () => {
  machines = await makeMachines(1, controlKey.publicLine);
  const [first] = machines.all;
  if (!first) throw new Error('a machine');
  machine = first;
  ssh = createSshPool({ controlKey: controlKey.privatePem, logger: pino({ level: 'silent' }) });
  host = ssh.host({ label: 'm1', ssh: sshd(), hostKey: machine.fingerprint });
});
afterAll(async () => {
  ssh.close();
  await machines.end();
});

const sshd = () => ({ host: machine.address, port: 22, user: machine.user });

test('commands run as root, with their input, their output and their exit code', async () => {
  expect(await host.run(sh`id -u; cat`, { stdin: "it's\n$HOME\n" })).toBe("0\nit's\n$HOME\n");
  await expect(host.run(sh`echo why >&2; exit 7`)).rejects.toMatchObject({
    code: 'HOST_COMMAND_FAILED',
    values: { exitCode: 7, output: 'why' },
  });
});

test('files are written with the owner and the mode asked for', async () => {
  const file = { path: '/etc/holdfast-test/a', content: 'secret\n', mode: 0o600, owner: 'root:root' };
  expect(await host.putFiles([file])).toEqual([file.path]);
  expect(await host.putFiles([file])).toEqual([]);
  expect(machine.run('stat -c "%U:%G %a" /etc/holdfast-test/a')).toBe('root:root 600');
});

test('a command that is no longer wanted ends on the host', async () => {
  const enough = new AbortController();
  const running = host.run(sh`echo begun >/tmp/begun; exec sleep 4321`, { signal: enough.signal });
  running.catch(() => undefined);
  await eventually(() => machine.run('cat /tmp/begun 2>/dev/null || true') === 'begun');
  enough.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(machine.run('ps ax | grep -c "[s]leep 4321" || true')).toBe('0');
});

test('what the control plane came from is known behind sudo too', async () => {
  expect(await host.run(sh`echo "$SSH_CONNECTION"`)).toMatch(new RegExp(` ${machine.address} 22\n$`));
});

test('a host that shows another key than the fingerprint is not spoken to', async () => {
  const hostKey = `SHA256:${'a'.repeat(43)}`;
  await expect(ssh.host({ label: 'm1', ssh: sshd(), hostKey }).run(sh`true`)).rejects.toMatchObject({
    code: 'HOST_KEY_MISMATCH',
  });
});
