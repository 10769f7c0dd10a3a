import type Docker from 'dockerode';
import { runOn } from './image-tools';

/** Power of hosts, as tests take and give it beside an autopilot that does, too. */

/** Returns when it runs: the autopilot may have been quicker, also in putting another one in its place. */
export async function powerOn(host: Docker.Container): Promise<void> {
  await host.start().catch((error: unknown) => {
    const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : null;
    if (status !== 304 && status !== 404) throw error;
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
