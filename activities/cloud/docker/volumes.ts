import { HoldfastError } from '../../../domain/errors';
import type { Enforcement, Tags } from '../cloud';
import { ask, askUnless, refused } from './errors';
import { labelsOf, objectName } from './names';
import { once } from './once';
import type { DockerCloudOptions } from './options';
import type { VolumeKeeper } from './volume-keeper';

/** XFS can't be smaller. */
const MIN_BYTES = 300 * 1024 ** 2;

export interface Volume {
  readonly name: string;
  /** On a loop device, and then owned by `postgres`; else a plain docker volume, which gets what the image has there. */
  readonly sized: boolean;
}

/** Data volumes: XFS of a real size on a loop device, or plain docker volumes where the engine can't do that. */
export interface Volumes {
  readonly sizeEnforcement: () => Promise<Enforcement>;
  /** Makes the volume, or finds it and attaches its device. */
  create(token: string, tags: Tags, bytes: number): Promise<Volume>;
  /** Gives the volume its loop device back when it has lost it (a reboot). Nothing for hosts without a volume. */
  attach(token: string): Promise<void>;
  delete(token: string): Promise<void>;
}

export function createVolumes(options: DockerCloudOptions, keeper: VolumeKeeper): Volumes {
  const { docker, installId } = options;
  // What fails now may work later: all loop devices in use, a module not loaded yet.
  const sizeEnforcement = once(
    () => probeLoopDevices(keeper),
    ({ enforced }) => enforced,
  );

  return {
    sizeEnforcement,

    async create(token, tags, bytes) {
      if (bytes < MIN_BYTES) throw refused('create the volume', `a volume has at least ${MIN_BYTES} bytes`);
      const name = objectName(installId, token);
      const found = await askUnless('find the volume', ['absent'], docker.getVolume(name).inspect());
      // A volume stays what it was made as, whatever could be made now.
      const sized = found ? found.Options?.['device'] !== undefined : (await sizeEnforcement()).enforced;
      if (sized) await keeper.run('create', name, String(bytes), JSON.stringify(tags));
      if (found) return { name, sized };
      const device = `/dev/holdfast/${name.slice('holdfast-'.length)}`;
      const volume = { Name: name, Driver: 'local', Labels: labelsOf(options, token, tags) };
      // XFS itself would set aside as much again as a growing file has: of a small volume a large part, for minutes.
      const DriverOpts = { type: 'xfs', device, o: 'noatime,allocsize=1m' };
      await ask('create the volume', docker.createVolume(sized ? { ...volume, DriverOpts } : volume));
      return { name, sized };
    },

    async attach(token) {
      if (await keeper.hasFiles()) await keeper.run('attach', objectName(installId, token));
    },

    async delete(token) {
      const name = objectName(installId, token);
      await askUnless('delete the volume', ['absent'], docker.getVolume(name).remove());
      if (await keeper.hasFiles()) await keeper.run('delete', name);
    },
  };
}

/** Tries it for real: only that tells what kernel, engine and image together can do. */
async function probeLoopDevices(keeper: VolumeKeeper): Promise<Enforcement> {
  try {
    await keeper.run('probe');
    return { enforced: true };
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'CLOUD_REFUSED') throw error;
    return { enforced: false, reason: `The Docker engine's machine can't give volumes a size: ${error.message}` };
  }
}
