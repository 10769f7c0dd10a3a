import { SHARE_KEPT_FREE } from '../../domain/archiving';
import type { TimelineId } from '../../domain/ids';
import { plainWord } from '../host/config-text';
import type { Host } from '../host/host';
import { sh } from '../host/shell';
import type { Lineage } from './config';
import { PUSH_CONFIG, PUSH_SPOOL } from './config';

/**
 * PostgreSQL's archive_command: a segment goes to each site by itself, and how much of the volume the log may take that waits for
 * the stores is reckoned at each call.
 */
export const ARCHIVE_PUSH_FILE = '/etc/pgbackrest/archive-push.sh';

/** Changed whenever log is given up, for who watches the archive: PostgreSQL itself takes it for archived. */
export const GIVEN_UP_MARK = 'holdfast.given-up';

/** There from when log is given up until the stores answer again. */
const HISTORIES_MARK = 'holdfast.histories';

/** A volume that is full of data is no reason to give the log up as soon as a burst of it stands in line. */
const SHARE_ALLOWED = 20;

/** See {@link ARCHIVE_PUSH_FILE}. */
export function archivePushScript({ timeline }: Pick<Lineage, 'timeline'>): string {
  const { id, sites } = timeline;
  return `# Pushes segment $1 of the log to each site, side by side, and fails when one of them failed: PostgreSQL keeps the segment then
# and asks for it again. Where the stores are away it waits on the volume until less than a tenth of that is free: then all
# that waits is given up for the sites that lack the oldest (archive-push-queue-max), because PostgreSQL stops on a full volume.
# The history of a log may be among it, which a restore needs for as long as that log has a backup: once a segment has got to
# all sites, all histories that are there go once more.
set -eu
volume=$(stat -f -c '%S %b %a' .)
read -r block blocks free <<END
$volume
END
segment=$1
histories=pg_wal/archive_status/${HISTORIES_MARK}
set -- pg_wal/archive_status/*.ready
waiting=$(($# * 16 * 1024 * 1024))
size=$((block * blocks))
limit=$((waiting + block * free - size / ${SHARE_KEPT_FREE}))
least=$((size / ${SHARE_ALLOWED}))
[ "$limit" -gt "$least" ] || limit=$least

${siteFunctions(id)}
ahead= behind=
for site in ${sh`${sites.map(plainWord)}`}; do
  if has "$site" "\${segment##*/}"; then ahead="$ahead $site"; else behind="$behind $site"; fi
done
[ -z "$behind" ] || [ "$waiting" -le "$limit" ] || touch "$histories" pg_wal/archive_status/${GIVEN_UP_MARK} 2>/dev/null || true
pushes=
for site in $ahead $behind; do
  push "$site" --archive-push-queue-max="$limit" archive-push "$segment" &
  pushes="$pushes $!"
done
[ -z "$behind" ] || for site in $ahead; do go_ahead "$site" "$@"; done
status=0
for one in $pushes; do wait "$one" || status=$?; done
if [ "$status" -eq 0 ] && [ -z "$ahead" ] && [ "$waiting" -le "$limit" ] && [ -e "$histories" ]; then
  for history in pg_wal/archive_status/*.history.done; do
    [ ! -e "$history" ] || mv -- "$history" "\${history%.done}.ready"
  done
  rm -- "$histories"
fi
exit "$status"
`;
}

/** Each is called with a site. */
const siteFunctions = (
  id: TimelineId,
): string => `has() { [ -e "${PUSH_SPOOL}$1/archive/${plainWord(id)}/out/$2.ok" ]; }
push() {
  config=${PUSH_CONFIG}$1.conf
  shift
  pgbackrest --config="$config" ${sh`--stanza=${id}`} "$@"
}
# A site that has the segment need not wait for the others: pushing any that it lacks begins a run that takes all of them.
go_ahead() {
  site=$1 lacks=
  shift
  for ready; do
    name=\${ready##*/}
    name=\${name%.ready}
    has "$site" "$name" || lacks=$name
  done
  [ -z "$lacks" ] || push "$site" --archive-timeout=1 archive-push "pg_wal/$lacks" >/dev/null 2>&1 || :
}
`;

const FORGET = `set -eu
config=$1 spool=$2
shift 2
for file in "$config"*.conf; do
  site=\${file#"$config"}
  site=\${site%.conf}
  case " $* " in *" $site "*) continue ;; esac
  rm -rf -- "$spool$site" "$file"
done
`;

/** Has a host forget what opens sites that the lineage has left, and which segments they had. Idempotent. */
export async function forgetOtherSites(
  host: Pick<Host, 'run'>,
  { timeline }: Pick<Lineage, 'timeline'>,
): Promise<void> {
  const values = [PUSH_CONFIG, PUSH_SPOOL, ...timeline.sites];
  await host.run(sh`sh -c ${FORGET} sh ${values}`, { title: 'forget sites that were left' });
}
