import type Docker from 'dockerode';
import { demandSuccess, runOn } from './image-tools';

/** Power of hosts, as tests take and give it beside an autopilot that does, too. */

/** A host that stands still runs no command: it is not waited for. */
const UNPLUG_MS = 5_000;

/** True for one that is there, has power, and does not stand still. */
export async function runs(host: Docker.Container): Promise<boolean> {
  const found = await host.inspect().catch((error: unknown) => unless([404], error));
  return found !== null && found.State.Running && !found.State.Paused;
}

/** Returns when it runs: the autopilot may have been quicker, also in putting another one in its place. */
export async function powerOn(host: Docker.Container): Promise<void> {
  await host.start().catch((error: unknown) => unless([304, 404], error));
}

/** As in a rack: nobody who is connected to it hears a farewell, which a kernel sends for processes that are killed. */
export async function losePower(host: Docker.Container): Promise<void> {
  await unplug(host);
  await host.kill();
}

/** The host is gone for good, with its volumes; nobody hears a farewell. */
export async function loseHost(docker: Docker, host: Docker.Container): Promise<void> {
  const { Mounts } = await host.inspect();
  await unplug(host);
  await host.remove({ force: true, v: true });
  const volumes = Mounts.flatMap(({ Type, Name }) => (Type === 'volume' && Name !== undefined ? [Name] : []));
  // Those without a name of their own went with it.
  for (const name of volumes)
    await docker
      .getVolume(name)
      .remove()
      .catch((error: unknown) => unless([404], error));
}

async function unplug(host: Docker.Container): Promise<void> {
  const outcome = await runOn(host.id, 'ip link set eth0 down\n', AbortSignal.timeout(UNPLUG_MS)).catch(() => null);
  if (outcome && (await runs(host))) demandSuccess(outcome);
}

/** As if it were dead for good: should somebody switch it on, it serves no data until {@link comeBack}. */
export async function dieForGood(host: Docker.Container): Promise<void> {
  await runOn(host.id, 'systemctl disable --quiet patroni\n');
  await losePower(host);
}

export async function comeBack(host: Docker.Container): Promise<void> {
  await powerOn(host);
  await runOn(host.id, 'systemctl enable --quiet patroni; systemctl start patroni\n');
}

/** @returns null for an answer of the engine with one of those numbers. @throws `error` for any other. */
function unless(statuses: readonly number[], error: unknown): null {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  if (!statuses.some((one) => one === status)) throw error;
  return null;
}
