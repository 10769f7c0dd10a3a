import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A disk of a store's own that a test can really fill: a file system in a file. */
export interface SmallVolume {
  /** Leaves no room for anything. @returns what gives it back. */
  fill(): () => void;
  end(): void;
}

const SIZE = '1G';

/** @param folder where it is mounted; the file stands beside it. Takes root. */
export function mountSmallVolume(folder: string): SmallVolume {
  const image = `${folder}.img`;
  const ballast = join(folder, 'ballast');
  const run = (command: string, ...args: string[]): void => void execFileSync(command, args, { stdio: 'pipe' });
  mkdirSync(folder, { recursive: true });
  run('truncate', '--size', SIZE, image);
  run('mkfs.ext4', '-q', '-m', '0', image);
  run('mount', '-o', 'loop', image, folder);
  rmSync(join(folder, 'lost+found'), { recursive: true });
  return {
    fill() {
      // What is left behind the last megabyte goes in small pieces.
      const fill = 'for size in 1M 4k; do dd if=/dev/zero bs=$size status=none || :; done >>"$1"';
      run('sh', '-c', fill, 'sh', ballast);
      return () => rmSync(ballast);
    },
    end: () => run('umount', folder),
  };
}
