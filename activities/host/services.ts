import type { Host, HostFile } from './host';
import type { ShellCommand } from './shell';
import { inOrder, sh } from './shell';

/** How long a service may take to say that it is ready. */
const READY_TIMEOUT_MS = 150_000;
/** What each service was last started with: a worker that died between writing a file and the restart leaves it behind. */
const APPLIED_FOLDER = '/var/lib/holdfast/applied';

/** A file of configuration that holds no secret. */
export function rootFile(path: string, content: string): HostFile {
  return { path, content, mode: 0o644, owner: 'root:root' };
}

/** Services and the files that each reads at its start, in the order in which they are to start. */
export type Services = Readonly<Record<string, readonly HostFile[]>>;

/**
 * Brings systemd services to run with the files asked for, and to come back after a boot: one that runs and was started
 * with these very files is left alone, else it is (re)started. Returns when systemd calls all of them ready.
 */
export async function startServices(host: Host, services: Services): Promise<void> {
  const files = new Map(
    Object.values(services)
      .flat()
      .map((file) => [file.path, file]),
  );
  await host.putFiles([...files.values()]);
  const names = Object.keys(services);
  const starts = Object.entries(services).map(
    ([service, read]) => sh`start_service ${service} ${read.map(({ path }) => path)}`,
  );
  const title = `start ${names.join(', ')}`;
  const script = inOrder(START_SERVICE, ...starts, startAtBoot(names));
  await host.run(script, { title, timeoutMs: READY_TIMEOUT_MS });
}

/**
 * Has a service that runs read these files anew, without a restart: they are what it counts as started with from now on. One that
 * was started with them, or has read them, is left alone. @throws HOST_COMMAND_FAILED where it does not run.
 */
export async function reloadService(host: Host, service: string, files: readonly HostFile[]): Promise<void> {
  await host.putFiles(files);
  const reload = sh`reload_service ${service} ${files.map(({ path }) => path)}`;
  await host.run(inOrder(RELOAD_SERVICE, reload), { title: `have ${service} read its files` });
}

/* `reload_service NAME FILE…`: whoever dies between the two has it read them once more. */
const RELOAD_SERVICE = sh`reload_service() {
  service=$1; shift
  exec 8>>${APPLIED_FOLDER}/$service && flock 8 || return
  sum=$(cat "$@" | sha256sum) || return
  if [ "$(cat ${APPLIED_FOLDER}/$service)" != "$sum" ]; then
    systemctl reload "$service" 8>&- || return
    printf %s "$sum" >${APPLIED_FOLDER}/$service
  fi
}`;

/** What starts by itself after a boot. */
export const WANTS = '/etc/systemd/system/multi-user.target.wants';

/** Undoes {@link startServices} but for the files. Idempotent. */
export async function stopService(host: Host, service: string): Promise<void> {
  const title = `stop ${service}`;
  const files = [`${WANTS}/${service}.service`, `${APPLIED_FOLDER}/${service}`];
  await host.run(sh`systemctl stop ${service} && rm -f -- ${files}`, { title, timeoutMs: READY_TIMEOUT_MS });
}

/*
 * `start_service NAME FILE…`; a failure shows the service's last words. Whoever dies in here may leave a command behind
 * that still waits for the service, so all of it is done under a lock, and what was begun is joined, not done again: first
 * the old service ends, then it is written down with what the next one starts, then that starts. Units of Holdfast's own are
 * among the files.
 */
const START_SERVICE = sh`start_service() {
  service=$1; shift
  applied=${APPLIED_FOLDER}/$service
  [ -d ${APPLIED_FOLDER} ] || mkdir -p ${APPLIED_FOLDER} || return
  exec 8>>"$applied" && flock 8 || return
  sum=$(cat "$@" | sha256sum) || return
  if [ "$(cat "$applied")" != "$sum" ]; then
    : >"$applied"
    systemctl stop "$service" 8>&- || return
    case $service in holdfast-*)
      case $(systemctl show --property NeedDaemonReload --value "$service") in *yes*) systemctl daemon-reload || return ;; esac
    esac
    printf %s "$sum" >"$applied" || return
  fi
  systemctl start "$service" 8>&- || { journalctl --unit "$service" --lines 15 --no-pager --output cat >&2; return 1; }
}`;

/**
 * What `systemctl enable` would do, but that calls Debian's update-rc.d, which has systemd read all units anew, twice for
 * each service: 2 of the 16 seconds of CPU time that a provision took.
 */
const startAtBoot = (services: readonly string[]): ShellCommand =>
  sh`systemctl add-wants --quiet --no-reload multi-user.target ${services}`;
