import type Docker from 'dockerode';
import { runOn } from './image-tools';

/** Power of hosts, as tests take and give it beside an autopilot that does, too. */

/** Returns when it runs: the autopilot may have been quicker. */
export async function powerOn(host: Docker.Container): Promise<void> {
  await host.start().catch((error: unknown) => {
    const runs = typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === 304;
    if (!runs) throw error;
  });
}

/** As if it were dead for good: should somebody switch it on, it serves no data until {@link comeBack}. */
export async function dieForGood(host: Docker.Container): Promise<void> {
  await runOn(host.id, 'systemctl disable --quiet patroni\n');
  await host.kill();
}

export async function comeBack(host: Docker.Container): Promise<void> {
  await powerOn(host);
  await runOn(host.id, 'systemctl enable --quiet patroni; systemctl start patroni\n');
}
