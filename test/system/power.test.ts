import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { eventually, untilSuccess } from '../support/eventually';
import { connectEngine, goldenImage } from './support/engine';
import type { TestHost } from './support/host';
import { createTestHost } from './support/host';
import { loseHost, losePower, powerOn, runs } from './support/power';

/** What tests of power do to a host is what a power cut does: nobody is told. */

const docker = connectEngine();
let machine: TestHost;
beforeAll(async () => {
  machine = await createTestHost();
});
afterAll(() => machine.end());

/** Somebody who is connected to its sshd, and whether the end of that was heard. */
async function someone(): Promise<{ readonly toldOfTheEnd: () => boolean; leave(): void }> {
  const socket = await untilSuccess(async () => {
    const opened = connect(machine.host.ssh);
    await once(opened, 'data');
    return opened;
  });
  let told = false;
  socket.on('close', () => (told = true)).on('error', () => undefined);
  return { toldOfTheEnd: () => told, leave: () => socket.destroy() };
}

test('who is connected to a host that loses power hears nothing of it, unlike one whose host is only killed', async () => {
  const host = docker.getContainer(machine.host.id);
  const first = await someone();
  await host.kill();
  await eventually(() => first.toldOfTheEnd());
  await powerOn(host);
  const second = await someone();
  await losePower(host);
  expect(await runs(host)).toBe(false);
  await pause(1_000);
  expect(second.toldOfTheEnd()).toBe(false);
  second.leave();
});

test('a host that stands still loses power all the same', async () => {
  const host = docker.getContainer(machine.host.id);
  await powerOn(host);
  await host.pause();
  expect(await runs(host)).toBe(false);
  await losePower(host);
  expect((await host.inspect()).State.Running).toBe(false);
});

test('of a host that is lost nothing is left, nor of its volume', async () => {
  const volume = `holdfast-test-${randomBytes(6).toString('hex')}`;
  const host = await docker.createContainer({
    Image: await goldenImage(),
    Cmd: ['sleep', 'infinity'],
    HostConfig: { Binds: [`${volume}:/var/lib/postgresql`], CapAdd: ['NET_ADMIN'] },
  });
  await host.start();
  await loseHost(docker, host);
  expect(await runs(host)).toBe(false);
  await expect(host.inspect()).rejects.toMatchObject({ statusCode: 404 });
  await expect(docker.getVolume(volume).inspect()).rejects.toMatchObject({ statusCode: 404 });
});
