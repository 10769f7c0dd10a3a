import type { Resource, Tags } from '../cloud';
import { ask } from './errors';
import { LABEL, labelFilter } from './names';
import type { DockerCloudOptions } from './options';
import type { VolumeKeeper } from './volume-keeper';

/** Everything of this installation that carries all these tags: what the engine lists, and the keeper's files and devices. */
export async function listByTags(options: DockerCloudOptions, keeper: VolumeKeeper, tags: Tags): Promise<Resource[]> {
  const { docker, installId } = options;
  const filters = labelFilter({ ...tags, [LABEL.install]: installId });
  const [containers, volumes, networks, files] = await Promise.all([
    ask('list hosts', docker.listContainers({ all: true, filters })),
    ask('list volumes', docker.listVolumes({ filters })),
    ask('list networks', docker.listNetworks({ filters })),
    listFiles(keeper, tags),
  ]);
  return [
    ...containers.map(({ Id, Names }): Resource => ({ kind: 'host', id: Names[0]?.slice(1) ?? Id })),
    ...volumes.Volumes.map(({ Name }): Resource => ({ kind: 'volume', id: Name })),
    ...networks.map(({ Name }): Resource => ({ kind: 'network', id: Name })),
    ...files,
  ];
}

async function listFiles(keeper: VolumeKeeper, tags: Tags): Promise<Resource[]> {
  if (!(await keeper.hasFiles())) return [];
  const lines = (await keeper.run('list')).split('\n').flatMap((line) => {
    const [, name, kind, id] = /^(\S+) (tags|file|loop) (.*)$/.exec(line) ?? [];
    return name !== undefined && kind !== undefined && id !== undefined ? [{ name, kind, id }] : [];
  });
  const carriers = new Set(
    lines.filter(({ kind, id }) => kind === 'tags' && carries(id, tags)).map(({ name }) => name),
  );
  return lines
    .filter(({ name, kind }) => kind !== 'tags' && carriers.has(name))
    .map(({ kind, id }): Resource => ({ kind: kind === 'loop' ? 'loop device' : 'file', id }));
}

function carries(json: string, tags: Tags): boolean {
  const stored: unknown = JSON.parse(json);
  if (typeof stored !== 'object' || stored === null) return false;
  return Object.entries(tags).every(([key, value]) => Reflect.get(stored, key) === value);
}
