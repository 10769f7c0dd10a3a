import type { Host, HostFile } from './host';
import { sh } from './shell';

/** How long a service may take to say that it is ready. */
const READY_TIMEOUT_MS = 150_000;
/** What a service was last started with: a worker that died between writing a file and the restart leaves it behind. */
const APPLIED_FOLDER = '/var/lib/holdfast/applied';

/** A file of configuration that holds no secret. */
export function rootFile(path: string, content: string): HostFile {
  return { path, content, mode: 0o644, owner: 'root:root' };
}

/** Writes the files that a service reads at its start, then {@link startService}. */
export async function startWith(host: Host, service: string, files: readonly HostFile[]): Promise<void> {
  await host.putFiles(files);
  await startService(
    host,
    service,
    files.map(({ path }) => path),
  );
}

/**
 * Brings a systemd service to run with its present files, and to come back after a boot: left alone when it runs and
 * was started with these very files, else (re)started. Returns when systemd calls it ready.
 * @param files paths of all that it reads at its start.
 */
async function startService(host: Host, service: string, files: readonly string[]): Promise<void> {
  const applied = `${APPLIED_FOLDER}/${service}`;
  const command = sh`
    sum=$(cat ${files} | sha256sum) || exit
    if systemctl is-active --quiet ${service} && [ "$(cat ${applied} 2>/dev/null)" = "$sum" ]; then exit 0; fi
    systemctl restart ${service} || { journalctl --unit ${service} --lines 15 --no-pager --output cat >&2; exit 1; }
    systemctl enable --quiet --no-reload ${service} &&
    mkdir -p ${APPLIED_FOLDER} && printf %s "$sum" > ${applied}`;
  await host.run(command, { title: `start ${service}`, timeoutMs: READY_TIMEOUT_MS });
}
