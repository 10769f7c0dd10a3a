import { HoldfastError } from '../../domain/errors';
import type { StepRef } from '../../domain/clusters';
import { tellsFailedCommand } from './errors';
import { putFiles } from './files';
import type { Host } from './host';
import { firstWords, inOrder, sh } from './shell';

/** Where a host remembers the newest generation of each lane of a cluster that worked on it. */
export const FENCE_FOLDER_NAME = 'generations';
const FENCE_FOLDER = `/var/lib/holdfast/${FENCE_FOLDER_NAME}`;
/** No tool in use ends with it. */
const STALE = 79;

/*
 * Every command holds the file's lock shared until it ends; a newer generation takes it alone to write itself down, so it
 * begins when the last command of an older one has ended. Ten digits are written in place: a power failure leaves the old
 * ones or the new ones.
 */
const FENCE = sh`fence() {
  [ -e "$1" ] || { mkdir -p ${FENCE_FOLDER} && : >>"$1"; } || return
  exec 9<>"$1" && flock -s 9 || return
  refuse_older "$1" "$2"
  while [ "$seen" -lt "$2" ]; do
    if flock -xn 9; then
      refuse_older "$1" "$2"
      printf '%010d\n' "$2" 1<>"$1" && sync "$1" || return
    else
      sleep 0.02
    fi
    flock -s 9 || return
    refuse_older "$1" "$2"
  done
}
refuse_older() {
  read -r seen <"$1" || seen=0
  [ "$seen" -le "$2" ] || { echo "$seen" >&2; exit ${STALE}; }
}`;

/**
 * The host as an operation's step may change it: once a newer operation of the cluster has worked there, it refuses
 * every command of an older one, such as one of a worker that was thought dead.
 * @throws STALE_GENERATION from each of its calls, besides what {@link Host} throws.
 */
export function fencedHost(host: Host, { clusterId, lane, generation }: StepRef): Host {
  const file = lane === 'cluster' ? clusterId : `${clusterId}.${lane}`;
  const fence = sh`fence ${`${FENCE_FOLDER}/${file}`} ${generation}`;
  const run: Host['run'] = async (command, options) => {
    try {
      return await host.run(inOrder(FENCE, fence, command), { title: firstWords(command), ...options });
    } catch (error) {
      throw staleOr(error, generation);
    }
  };
  return { label: host.label, run, putFiles: (files) => putFiles({ run }, files) };
}

function staleOr(error: unknown, asked: number): unknown {
  if (!tellsFailedCommand(error)) return error;
  if (error.values['exitCode'] !== STALE) return error;
  return new HoldfastError('STALE_GENERATION', { asked, actual: Number(error.values['output']) }, { cause: error });
}
