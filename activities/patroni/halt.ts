import type { Host } from '../host/host';
import { WANTS } from '../host/services';
import { sh } from '../host/shell';

/** PostgreSQL of one data node is stopped, and started again, with its Patroni; nobody is promoted because of it. */

/** Of one data node. */
export interface MainData {
  readonly binaries: string;
  /** The data of the cluster. */
  readonly main: string;
}

export const STOP_TIMEOUT_MS = 310_000;

/* A host that boots in the middle of it must not start what is half exchanged. */
const FORGET_TO_START = `rm -f ${WANTS}/patroni.service && sync ${WANTS}`;

/*
 * Frozen, Patroni takes no decision and starts nothing anew. Told to stop it would wait until the primary has let a replica go,
 * and longer. Where it does not run there is nothing to freeze.
 */
const FREEZE = 'systemctl kill --kill-whom=main --signal=STOP patroni 2>/dev/null';

export const STOP = `set -u
binaries=$1 main=$2
${FORGET_TO_START}
${FREEZE} || :
server() { runuser -u postgres -- "$binaries/pg_ctl" -D "$main" "$@"; }
# After a loss of power the file is there, and the server is not.
stop() { if [ -e "$main/postmaster.pid" ] && server status >/dev/null; then server -m fast -w -t 300 stop; fi; }
stop || exit
systemctl kill --kill-whom=main --signal=KILL patroni 2>/dev/null || :
systemctl stop patroni || exit
# It may have begun to start the server just before.
stop || exit`;

const BEGIN_TO_STOP = sh`sh -c ${`${FORGET_TO_START} && { ${FREEZE} || systemctl stop --no-block patroni; }`}`;

/** Its Patroni takes no decision any more once this has returned. Idempotent. */
export const beginToStop = (host: Host): Promise<string> =>
  host.run(BEGIN_TO_STOP, { title: 'begin to stop PostgreSQL' });

/** Nothing of it runs any more, nor does it after a boot. Idempotent. */
export const stopOn = (host: Host, { binaries, main }: MainData): Promise<string> =>
  host.run(sh`sh -c ${STOP} sh ${binaries} ${main}`, { title: 'stop PostgreSQL', timeoutMs: STOP_TIMEOUT_MS });

/* One that is frozen still goes on, and does what it would have done. */
const START = sh`sh -c ${`systemctl add-wants --quiet --no-reload multi-user.target patroni
systemctl kill --kill-whom=main --signal=CONT patroni 2>/dev/null || :
systemctl start patroni`}`;

/** Returns when Patroni runs, which starts PostgreSQL by itself. Idempotent. */
export const startOn = (host: Host): Promise<string> =>
  host.run(START, { title: 'start PostgreSQL', timeoutMs: STOP_TIMEOUT_MS });
