import type Docker from 'dockerode';
import { ask, askUnless } from './errors';
import { NEVER_RAN } from './host-state';
import { LABEL, labelFilter } from './names';
import type { DockerCloudOptions } from './options';
import { createDockerCloud } from './index';
import { createVolumeKeeper, keeperName } from './volume-keeper';

/** An installation as a whole, for `npm start` and `npm run down`. */
export interface Installation {
  readonly installId: string;
  /** Its folder, on the machine that made it. */
  readonly home: string;
}

/** Installations that have anything on this engine, also those that no process cares for any more. */
export async function listInstallations(docker: Docker): Promise<Installation[]> {
  const filters = { label: [LABEL.install] };
  const [containers, { Volumes }, networks] = await Promise.all([
    ask('list hosts', docker.listContainers({ all: true, filters })),
    ask('list volumes', docker.listVolumes({ filters })),
    ask('list networks', docker.listNetworks({ filters })),
  ]);
  const found = new Map<string, string>();
  for (const { Labels } of [...containers, ...Volumes, ...networks]) {
    const installId = Labels?.[LABEL.install];
    if (installId !== undefined) found.set(installId, Labels?.[LABEL.home] ?? '');
  }
  return Array.from(found, ([installId, home]) => ({ installId, home }));
}

/** What {@link startAllHosts} could do: tokens of the hosts that run now, and why the others don't. */
export interface StartedHosts {
  readonly on: readonly string[];
  readonly failed: readonly { readonly token: string; readonly reason: string }[];
}

/**
 * Starts every host of the installation that is off, with its data, as after a reboot. Also those that were powered off
 * on purpose: that is for an operation to know, not for the engine, and Patroni decides what a returning member may be.
 * Those whose creation was cut off are left to the operation that makes them. One that fails stops no other.
 */
export async function startAllHosts(options: DockerCloudOptions): Promise<StartedHosts> {
  const cloud = createDockerCloud(options);
  const filters = { label: [...labelFilter({ [LABEL.install]: options.installId }).label, LABEL.token] };
  const hosts = await ask('list hosts', options.docker.listContainers({ all: true, filters }));
  const tokens = hosts.filter(({ State }) => State !== NEVER_RAN).flatMap(({ Labels }) => Labels[LABEL.token] ?? []);
  const reasons = await Promise.all(
    tokens.map((token) =>
      cloud.powerOn(token).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    ),
  );
  return {
    on: tokens.filter((_, i) => reasons[i] === null),
    failed: tokens.flatMap((token, i) => {
      const reason = reasons[i];
      return typeof reason === 'string' ? [{ token, reason }] : [];
    }),
  };
}

/** Removes all that the installation has on this engine. Can be run again after it was interrupted. */
export async function removeEverything(options: DockerCloudOptions): Promise<void> {
  const { docker, installId } = options;
  const keeper = createVolumeKeeper(options);
  const filters = labelFilter({ [LABEL.install]: installId });
  const keeps = keeperName(installId);

  const containers = await ask('list hosts', docker.listContainers({ all: true, filters }));
  const hosts = containers.filter(({ Names }) => !Names.includes(`/${keeps}`));
  await Promise.all(hosts.map(({ Id }) => removeContainer(docker, Id)));

  const { Volumes } = await ask('list volumes', docker.listVolumes({ filters }));
  const data = Volumes.filter(({ Name }) => Name !== keeps);
  await Promise.all(
    data.map(({ Name }) => askUnless('delete the volume', ['absent'], docker.getVolume(Name).remove())),
  );

  // Loop devices outlive everything that Docker knows of.
  if (await keeper.hasFiles()) await keeper.run('purge');
  await removeContainer(docker, keeps);
  await askUnless('delete the files', ['absent'], docker.getVolume(keeps).remove());

  const networks = await ask('list networks', docker.listNetworks({ filters }));
  await Promise.all(
    networks.map(({ Id }) => askUnless('delete the network', ['absent'], docker.getNetwork(Id).remove())),
  );
}

async function removeContainer(docker: Docker, id: string): Promise<void> {
  await askUnless('delete the host', ['absent'], docker.getContainer(id).remove({ force: true, v: true }));
}
