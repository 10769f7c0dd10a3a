import { askUnless, refused } from './errors';
import { inspectHost, neverRan } from './host-state';
import { objectName } from './names';
import type { DockerCloudOptions } from './options';
import type { Volumes } from './volumes';

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
 * not there runs nothing either.
 */
export async function powerOff(options: DockerCloudOptions, token: string): Promise<void> {
  const container = options.docker.getContainer(objectName(options.installId, token));
  for (;;) {
    const found = await inspectHost(options, token);
    if (!found || !(found.State.Running || found.State.Restarting)) return;
    // It may end by itself in between: the engine then says that it does not run.
    await askUnless('power off the host', ['absent', 'exists'], container.kill());
    await askUnless('power off the host', ['absent'], container.wait({ condition: 'not-running' }));
  }
}
