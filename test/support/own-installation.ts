import Docker from 'dockerode';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { parseSettings } from '../../domain/schemas/settings';
import { inventoryName } from '../../infra/local/inventory';
import { openFleet } from '../../workers/fleet';
import type { Insight } from '../system/support/ha-cluster';
import { connectApi } from './holdfast-api';

/** The installation that infra/local/own-installation.ts brought up for this very process. */
export interface OwnInstallation extends Insight {
  readonly home: string;
  readonly controlPlane: ControlPlane;
  close(): Promise<void>;
}

/** Programs of a control plane, by the names of their pid files. Whoever ends is started again within a second or more. */
export type ControlProgram = 'worker' | 'api' | 'temporal' | `site-${string}`;

export interface ControlPlane {
  /** SIGKILL. */
  kill(program: ControlProgram): void;
  /** They stand still, as if they were not there. */
  freeze(...programs: readonly ControlProgram[]): void;
  /** They go on where they stood. */
  thaw(...programs: readonly ControlProgram[]): void;
  /** The container of the inventory's server. */
  readonly inventory: Docker.Container;
  /** Nobody of worker, API, Temporal and inventory does anything until {@link on}. */
  off(): Promise<void>;
  /** Begins anew, with processes that know nothing of what was before. */
  on(): Promise<void>;
}

const ALL = ['worker', 'api', 'temporal'] as const;

/** By the environment that it was started with. @throws Error where hosts have no addresses of their own here. */
export async function openOwnInstallation(): Promise<OwnInstallation> {
  const settings = parseSettings(process.env);
  const { HOLDFAST_HOME: home, HOLDFAST_HOST: host, HOLDFAST_PORT: port } = settings;
  if (settings.HOLDFAST_DOCKER_REACH !== 'direct')
    throw new Error(
      'hosts have to be reached at their own addresses: this takes a Docker engine on this Linux machine',
    );
  const docker = new Docker();
  const fleet = await openFleet(settings, pino({ level: 'silent' }));
  const token = readFileSync(join(home, 'token'), 'utf8').trim();
  return {
    ...connectApi(`http://${host}:${port}`, token),
    home,
    docker,
    fleet,
    controlPlane: openControlPlane(home, docker.getContainer(inventoryName(settings.HOLDFAST_INSTALL_ID))),
    close: () => fleet.close(),
  };
}

function openControlPlane(home: string, inventory: Docker.Container): ControlPlane {
  const pidOf = (program: ControlProgram): number => Number(readFileSync(join(home, `${program}.pid`), 'utf8'));
  const send = (signal: NodeJS.Signals, programs: readonly ControlProgram[]): void => {
    for (const program of programs) process.kill(pidOf(program), signal);
  };
  return {
    kill: (program) => send('SIGKILL', [program]),
    freeze: (...programs) => send('SIGSTOP', programs),
    thaw: (...programs) => send('SIGCONT', programs),
    inventory,
    async off() {
      send('SIGSTOP', ALL);
      await inventory.pause();
    },
    async on() {
      await inventory.unpause();
      send('SIGKILL', ALL);
    },
  };
}
