import { MockActivityEnvironment } from '@temporalio/testing';
import type { Host } from '../../activities/host/host';
import { sh } from '../../activities/host/shell';
import type { SshTarget } from '../../activities/host/ssh-connect';
import type { SshPool } from '../../activities/host/ssh-pool';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import { eventually } from '../support/eventually';

export interface HostUnderTest {
  /** Its label is `orders/gw-1`. */
  readonly target: SshTarget;
  /** @param controlKey private key to enter with; default: the one that the host lets in. */
  openPool(controlKey?: string): SshPool;
  end(): Promise<void>;
}

/** What activities build on when they work on a host (activities/host/host.ts), whoever made it. */
export function describeHostContract(name: string, makeHost: () => Promise<HostUnderTest>): void {
  describe(`the contract of a host, held by ${name}`, () => {
    let env: HostUnderTest;
    let target: SshTarget;
    let pool: SshPool;
    let host: Host;

    beforeAll(async () => {
      env = await makeHost();
      target = env.target;
      pool = env.openPool();
      host = pool.host(target);
      await host.run(sh`true`, { connectTimeoutMs: 30_000 });
    });
    afterAll(async () => {
      pool.close();
      await env.end();
    });

    const run = async (command: Parameters<Host['run']>[0]): Promise<string> => (await host.run(command)).trim();

    describe('a command', () => {
      test('runs as root and gives its output, read from its input', async () => {
        expect(await run(sh`id -u`)).toBe('0');
        const input = 'päß\0wörd\n'.repeat(50_000);
        expect(await host.run(sh`cat`, { stdin: input })).toBe(input);
      });

      test('that says its lines to somebody says each as soon as it is whole, and gives none of them in the end', async () => {
        const said: string[] = [];
        const goOn = '/tmp/holdfast-go-on';
        const script = `echo one; printf tw; until [ -e ${goOn} ]; do sleep 0.05; done; echo o; rm ${goOn}`;
        const running = host.run(sh`sh -c ${script}`, { onLine: (line) => said.push(line) });
        await eventually(() => said.length > 0);
        expect(said).toEqual(['one']);
        await host.run(sh`touch ${goOn}`);
        expect(await running).toBe('');
        expect(said).toEqual(['one', 'two']);
      });

      test('that fails tells its title, exit code and the end of its errors', async () => {
        const script = 'echo out; for i in $(seq 1000); do echo "line $i" >&2; done; exit 7';
        const failure: unknown = await host
          .run(sh`sh -c ${script}`, { title: 'count' })
          .catch((error: unknown) => error);
        expect(failure).toMatchObject({
          code: 'HOST_COMMAND_FAILED',
          values: { title: 'count', exitCode: 7, host: 'orders/gw-1' },
          message: expect.stringMatching(/line 999\nline 1000$/) as unknown,
        });
        await expect(host.run(sh`systemctl is-active no-such.service`)).rejects.toMatchObject({
          values: { title: 'systemctl is-active no-such.service', output: 'inactive' },
        });
      });

      test('ends on the host too when its time is up', async () => {
        await expect(host.run(sh`sleep ${'4711'}`, { timeoutMs: 1_000 })).rejects.toMatchObject({
          code: 'HOST_COMMAND_FAILED',
          values: { exitCode: 124 },
        });
        expect(await run(sh`sh -c ${'pgrep -fx "sleep 4711" || echo none'}`)).toBe('none');
      });

      test('ends, here and on the host, when its signal says so', async () => {
        const cancel = new AbortController();
        const running = host.run(sh`sleep ${'4712'}`, { signal: cancel.signal });
        running.catch(() => undefined);
        await host.run(sh`sh -c ${'until pgrep -fx "sleep 4712"; do sleep 0.05; done'}`);
        cancel.abort(new Error('cancelled'));
        await expect(running).rejects.toThrow('cancelled');
        expect(await run(sh`sh -c ${'pgrep -fx "sleep 4712" || echo none'}`)).toBe('none');
      });

      test('ends when the activity in which it runs is cancelled', async () => {
        const activity = new MockActivityEnvironment();
        const running = activity.run(() => host.run(sh`sleep ${'4714'}`));
        running.catch(() => undefined);
        await host.run(sh`sh -c ${'until pgrep -fx "sleep 4714"; do sleep 0.05; done'}`);
        activity.cancel();
        await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
        expect(await run(sh`sh -c ${'pgrep -fx "sleep 4714" || echo none'}`)).toBe('none');
      });
    });

    describe('a connection', () => {
      test('to a host with another key than the pinned one is refused at once and for good', async () => {
        const stranger = pool.host({ ...target, hostKey: makeHostKey().publicLine });
        const startedAt = Date.now();
        await expect(stranger.run(sh`true`, { connectTimeoutMs: 20_000 })).rejects.toMatchObject({
          code: 'HOST_KEY_MISMATCH',
          retryable: false,
        });
        expect(Date.now() - startedAt).toBeLessThan(10_000);
      });

      test('by another control key is refused at once and for good, as something that somebody has to mend', async () => {
        const others = env.openPool(makeHostKey().privatePem);
        const entered = others.host(target).run(sh`true`, { connectTimeoutMs: 60_000 });
        await expect(entered).rejects.toMatchObject({
          code: 'HOST_LOGIN_REFUSED',
          retryable: false,
          values: { host: 'orders/gw-1', user: target.ssh.user ?? 'root' },
        });
        others.close();
      });

      test('to a port on which nothing listens is tried until the deadline, or until the signal', async () => {
        const nobody = pool.host({ ...target, label: 'orders/gw-9', ssh: { ...target.ssh, port: 1 } });
        const startedAt = Date.now();
        await expect(nobody.run(sh`true`, { connectTimeoutMs: 500 })).rejects.toMatchObject({
          code: 'HOST_UNREACHABLE',
        });
        expect(Date.now() - startedAt).toBeGreaterThan(350);

        const cancel = new AbortController();
        setTimeout(() => cancel.abort(new Error('cancelled')), 300);
        const waiting = nobody.run(sh`true`, { connectTimeoutMs: 60_000, signal: cancel.signal });
        await expect(waiting).rejects.toThrow('cancelled');
      });
    });

    describe('files', () => {
      const file = (path: string, content: string, mode = 0o640, owner = 'root:adm') => ({
        path,
        content,
        mode,
        owner,
      });

      test('get content, owner and mode, with their folders, and are left alone the second time', async () => {
        const files = [
          file(`/etc/holdfast-test/a b/$(touch x)'"\`.conf`, 'anything: \0 \\ $HOME `id` \n\nHOLDFAST\nß'),
          file('/etc/holdfast-test/empty', '', 0o600, 'root:root'),
        ];
        const paths = files.map(({ path }) => path);
        expect(await host.putFiles(files)).toEqual(paths);
        for (const { path, content } of files) expect(await host.run(sh`cat ${path}`)).toBe(content);
        expect(await run(sh`stat -c ${'%U:%G %a'} ${paths}`)).toBe('root:adm 640\nroot:root 600');
        expect(await run(sh`stat -c ${'%a'} ${'/etc/holdfast-test/a b'}`)).toBe('755');
        const before = await run(sh`stat -c ${'%i %z'} ${paths}`);

        expect(await host.putFiles(files)).toEqual([]);
        expect(await run(sh`stat -c ${'%i %z'} ${paths}`)).toBe(before);
        expect(await run(sh`find /etc/holdfast-test -name ${'.holdfast.*'}`)).toBe('');
      });

      test.each([
        ['content', file('/etc/holdfast-test/one', 'other')],
        ['mode', file('/etc/holdfast-test/one', 'content', 0o644)],
        ['owner', file('/etc/holdfast-test/one', 'content', 0o640, 'nobody:adm')],
      ])('change when their %s differs', async (_, changed) => {
        const same = file('/etc/holdfast-test/two', 'content');
        await host.putFiles([file('/etc/holdfast-test/one', 'content'), same]);
        expect(await host.putFiles([changed, same])).toEqual(['/etc/holdfast-test/one']);
      });

      test('are replaced as a whole: a reader never sees a part', async () => {
        const [old, fresh] = ['a'.repeat(300_000), 'b'.repeat(300_000)];
        await host.putFiles([file('/etc/holdfast-test/atomic', old)]);
        const reader = host.run(
          sh`sh -c ${'exec 3</etc/holdfast-test/atomic; touch /tmp/opened; until [ -e /tmp/written ]; do sleep 0.02; done; cat <&3'}`,
        );
        await host.run(sh`sh -c ${'until [ -e /tmp/opened ]; do sleep 0.02; done'}`);
        await host.putFiles([file('/etc/holdfast-test/atomic', fresh)]);
        await host.run(sh`touch /tmp/written`);
        expect(await reader).toBe(old);
        expect(await host.run(sh`cat /etc/holdfast-test/atomic`)).toBe(fresh);
      });

      test('behind a link replace the link, not what it points to', async () => {
        await host.run(sh`sh -c ${'echo mine >/etc/holdfast-test/target; ln -sf target /etc/holdfast-test/link'}`);
        expect(await host.putFiles([file('/etc/holdfast-test/link', 'mine\n')])).toEqual(['/etc/holdfast-test/link']);
        expect(await run(sh`stat -c %F /etc/holdfast-test/link`)).toBe('regular file');
        expect(await run(sh`cat /etc/holdfast-test/target`)).toBe('mine');
      });

      test('that are given up half-way leave the old one and no neighbour', async () => {
        const folder = '/etc/holdfast-given-up';
        const all = Array.from({ length: 60 }, (_, i) => file(`${folder}/${i}`, 'x'.repeat(50_000)));
        const activity = new MockActivityEnvironment();
        const writing = activity.run(() => host.putFiles(all));
        writing.catch(() => undefined);
        await host.run(sh`sh -c ${`until ls -A ${folder} 2>/dev/null | grep -q holdfast; do sleep 0.01; done`}`);
        activity.cancel();
        await expect(writing).rejects.toMatchObject({ name: 'CancelledFailure' });
        expect(await run(sh`ls -A ${folder}`)).toBe('');
      });

      test('that can not be written leave the old one and no neighbour', async () => {
        await host.putFiles([file('/etc/holdfast-test/kept', 'old')]);
        const wrong = file('/etc/holdfast-test/kept', 'new', 0o640, 'no-such-user:adm');
        await expect(host.putFiles([wrong])).rejects.toMatchObject({ code: 'HOST_COMMAND_FAILED' });
        expect(await run(sh`cat /etc/holdfast-test/kept`)).toBe('old');
        expect(await run(sh`find /etc/holdfast-test -name ${'.holdfast.*'}`)).toBe('');
      });
    });
  });
}
