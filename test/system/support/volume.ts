import type { Host } from '../../../activities/host/host';
import { sh } from '../../../activities/host/shell';
import { DATA_FOLDER } from '../../../activities/postgres/paths';

/** The volume of a data node that has a size of its own, as a test fills it. */

const BALLAST = `${DATA_FOLDER}/ballast`;

/* The volume of the host, not the disk of the machine that runs the test. What root has kept for itself is left alone. */
const FILL = `set -eu
rm -f "$2"
set -- "$1" "$2" $(df -B1 --output=source,size,avail "$1" | tail -n 1)
case $3 in /dev/loop* | /dev/holdfast/*) ;; *) echo "$1 is on $3, which is no volume of its own" >&2; exit 1 ;; esac
`;

/** @param thousandths of the volume that it leaves free. @returns how to take it away. */
export async function fillVolume(host: Host, thousandths: number): Promise<() => Promise<unknown>> {
  await host.run(
    sh`sh -c ${`${FILL}fallocate -l $(($5 - $4 * ${thousandths} / 1000)) "$2"`} sh ${[DATA_FOLDER, BALLAST]}`,
  );
  return () => host.run(sh`rm -f ${BALLAST}`);
}

/** Leaves not a single block: what is left behind the last megabyte goes in small pieces. */
export async function fillToTheBrim(host: Host): Promise<() => Promise<unknown>> {
  const drops = `for size in 1M 4k; do dd if=/dev/zero bs=$size status=none 2>/dev/null || :; done >>"$2"`;
  const empty = await fillVolume(host, 2);
  await host.run(sh`sh -c ${`${FILL.replace('rm -f "$2"\n', '')}${drops}`} sh ${[DATA_FOLDER, BALLAST]}`);
  return empty;
}

/** Thousandths of the volume that are used. */
export async function usedThousandths(host: Host): Promise<number> {
  const [size = 0, free = 0] =
    (await host.run(sh`df -B1 --output=size,avail ${DATA_FOLDER}`))
      .trim()
      .split('\n')[1]
      ?.trim()
      .split(/\s+/)
      .map(Number) ?? [];
  return ((size - free) / size) * 1000;
}
