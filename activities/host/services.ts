import type { Host } from './host';
import { sh } from './shell';

/** Seconds that a service may take to say that it is ready. */
const READY_TIMEOUT_MS = 150_000;

/**
 * Brings a systemd service to run with its present files, and to come back after a boot: started when it does not run,
 * restarted when one of its files changed, else left alone. Returns when systemd calls it ready.
 */
export async function startService(host: Host, service: string, changedFiles: readonly string[]): Promise<void> {
  const verb = changedFiles.length > 0 ? 'restart' : 'start';
  // The unit is enabled by hand: `enable --now` would run two jobs, and `enable` reloads all units of the host.
  await host.run(sh`systemctl ${verb} ${service} && systemctl enable --quiet --no-reload ${service}`, { title: `${verb} ${service}`, timeoutMs: READY_TIMEOUT_MS });
}
