import { setTimeout as delay } from 'node:timers/promises';
import { askUnless, refused, unavailable } from './errors';
import { inspectHost, neverRan } from './host-state';
import { objectName } from './names';
import type { DockerCloudOptions } from './options';
import type { Volumes } from './volumes';

const PAUSE_MS = 50;
/** Whoever asked has given up before long: what goes on alone would end a host that was started again. */
const POWER_OFF_MS = 30_000;

/**
 * Runs, with its volume, when this returns: one that is off is started, a frozen one is thawed.
 * @throws CLOUD_REFUSED for a host that is not there, or whose creation was cut off: only createHost has its keys.
 */
export async function powerOn(options: DockerCloudOptions, volumes: Volumes, token: string): Promise<void> {
  const found = await inspectHost(options, token);
  if (!found) throw refused('power on the host', `there is no host ${token}`);
  if (neverRan(found)) throw refused('power on the host', `the creation of ${token} was cut off and must be repeated`);
  const container = options.docker.getContainer(found.Id);
  if (found.State.Paused) await askUnless('thaw the host', ['exists'], container.unpause());
  if (found.State.Running) return;
  await volumes.attach(token);
  await askUnless('start the host', ['unchanged'], container.start());
}

/**
 * SIGKILL to all processes of the host, frozen ones too. Returns when the engine has seen them gone; a host that is
 * not there runs nothing either. @throws CLOUD_UNAVAILABLE also where they do not go within half a minute.
 */
export async function powerOff(options: DockerCloudOptions, token: string): Promise<void> {
  const container = options.docker.getContainer(objectName(options.installId, token));
  const deadline = Date.now() + POWER_OFF_MS;
  for (;;) {
    const found = await inspectHost(options, token);
    if (!found || !(found.State.Running || found.State.Restarting)) return;
    if (Date.now() > deadline) throw unavailable('power off the host', `${token} still runs`);
    // It may end by itself in between: the engine then says that it does not run.
    await askUnless('power off the host', ['absent', 'exists'], container.kill());
    // Not by the engine's own `wait`: asked about a container that has just died it may never answer.
    await delay(PAUSE_MS);
  }
}
