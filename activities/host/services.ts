import type { Host, HostFile } from './host';
import { inOrder, sh } from './shell';

/** How long a service may take to say that it is ready. */
const READY_TIMEOUT_MS = 150_000;
/** What a service was last started with: a worker that died between writing a file and the restart leaves it behind. */
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
  const starts = Object.entries(services).map(
    ([service, read]) => sh`start_service ${service} ${read.map(({ path }) => path)}`,
  );
  const title = `start ${Object.keys(services).join(', ')}`;
  await host.run(inOrder(START_SERVICE, ...starts), { title, timeoutMs: READY_TIMEOUT_MS });
}

/** `start_service NAME FILE…`; a failure shows the service's last words. */
const START_SERVICE = sh`start_service() {
  service=$1; shift
  sum=$(cat "$@" | sha256sum) || return
  applied=${APPLIED_FOLDER}/$service
  if systemctl is-active --quiet "$service" && [ "$(cat "$applied" 2>/dev/null)" = "$sum" ]; then return 0; fi
  systemctl restart "$service" || { journalctl --unit "$service" --lines 15 --no-pager --output cat >&2; return 1; }
  systemctl enable --quiet --no-reload "$service" && mkdir -p ${APPLIED_FOLDER} && printf %s "$sum" > "$applied"
}`;
