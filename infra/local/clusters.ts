import type Docker from 'dockerode';
import type { DockerCloudOptions } from '../../activities/cloud/docker';
import { removeEverything, startAllHosts } from '../../activities/cloud/docker/installation';
import type { Installation } from '../../activities/cloud/docker/installation';
import { LABEL, labelFilter } from '../../activities/cloud/docker/names';
import type { Engine } from './engine';
import { reachOf } from './engine';
import type { StepReport } from './progress.cjs';

/** Label that operations put on a cluster's hosts: the name that its user gave it. */
const CLUSTER_NAME_LABEL = 'holdfast.cluster-name';

/**
 * After a reboot of the machine the engine has the hosts, but they are off. One that can't be started does not keep the
 * others, or the control plane that would repair it, from serving.
 * @returns a sentence about each that could not be started.
 */
export async function powerOnHosts(
  engine: Engine,
  installation: Installation,
  report?: StepReport,
): Promise<readonly string[]> {
  const { on, failed } = await startAllHosts(await cloudOptions(engine, installation));
  report?.result(`${on.length} powered on${failed.length > 0 ? `, ${failed.length} could not be started` : ''}`);
  return failed.map(({ token, reason }) => `The host ${token} could not be started: ${reason}`);
}

/** Names of the clusters that have hosts. */
export async function listClusters({ docker }: Engine, installId: string): Promise<string[]> {
  const filters = JSON.stringify({ label: [...labelFilter({ [LABEL.install]: installId }).label, CLUSTER_NAME_LABEL] });
  const hosts = await docker.listContainers({ all: true, filters });
  return [...new Set(hosts.flatMap(({ Labels }) => Labels[CLUSTER_NAME_LABEL] ?? []))].sort();
}

/** Removes all that an installation made on the engine: clusters, their data, its inventory. Idempotent. */
export async function removeInstallation(engine: Engine, installation: Installation): Promise<void> {
  await removeEverything(await cloudOptions(engine, installation));
}

async function cloudOptions(engine: Engine, { installId, home }: Installation): Promise<DockerCloudOptions> {
  return { docker: engine.docker, installId, home, reach: await reachOf(engine), image: () => anyImage(engine.docker) };
}

/** The one that hosts already use will do: nothing new is booted here. */
async function anyImage(docker: Docker): Promise<string> {
  const [image] = await docker.listImages({ filters: JSON.stringify({ reference: ['holdfast/host'] }) });
  const tag = image?.RepoTags?.[0];
  if (!tag) throw new Error('the engine has no golden image');
  return tag;
}
