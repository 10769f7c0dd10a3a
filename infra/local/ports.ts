import { z } from 'zod';
import { isFree, LOOPBACK } from '../../activities/cloud/docker/free-port';
import type { Home } from './home';
import { Problem } from './problem';

const FILE = 'ports.json';
const HIGHEST = 65_535;

interface Port {
  readonly variable: string;
  readonly usual: number;
  /** Address that it is on; default loopback. */
  readonly on?: string;
}

const EVERYWHERE = '0.0.0.0';

/** Ports that an installation uses, on loopback if nothing else is said. Each can be set by a variable of the environment. */
export const PORTS = {
  api: { variable: 'HOLDFAST_PORT', usual: 8080 },
  temporal: { variable: 'HOLDFAST_TEMPORAL_PORT', usual: 7233 },
  temporalUi: { variable: 'HOLDFAST_TEMPORAL_UI_PORT', usual: 8233 },
  inventory: { variable: 'HOLDFAST_INVENTORY_PORT', usual: 15432 },
  // Hosts reach stores by the address that the machine has in their network.
  sitePrimary: { variable: 'HOLDFAST_SITE_PRIMARY_PORT', usual: 9443, on: EVERYWHERE },
  siteSecondary: { variable: 'HOLDFAST_SITE_SECONDARY_PORT', usual: 9444, on: EVERYWHERE },
  siteOffsite: { variable: 'HOLDFAST_SITE_OFFSITE_PORT', usual: 9445, on: EVERYWHERE },
} as const satisfies Record<string, Port>;

export type PortName = keyof typeof PORTS;

/**
 * The port that was asked for.
 * @throws Problem when it is taken: the reader chose it, or will look for the API there, so none is chosen instead.
 */
export async function demandPort(name: PortName): Promise<number> {
  const { variable, usual } = PORTS[name];
  const port = askedFor(name) ?? usual;
  if (await isFree(port, addressOf(name))) return port;
  throw new Problem(
    `Port ${port} is taken by another program: end that, or choose another port, such as ${variable}=${port + 1} npm start.`,
  );
}

/** The port that was asked for, else the one of last time, else the usual one, else the next that is free; remembered. */
export async function choosePort(home: Home, name: PortName): Promise<number> {
  if (askedFor(name) !== null) return demandPort(name);
  for (let port = rememberedPorts(home)[name] ?? PORTS[name].usual; port <= HIGHEST; port++) {
    if (!(await isFree(port, addressOf(name)))) continue;
    // Read again: another port may have been chosen while this one was tried.
    const known = rememberedPorts(home);
    if (Object.entries(known).some(([other, taken]) => other !== name && taken === port)) continue;
    home.write(FILE, JSON.stringify({ ...known, [name]: port }));
    return port;
  }
  throw new Problem(`No port is free from ${PORTS[name].usual} on: set ${PORTS[name].variable}.`);
}

/** Ports that {@link choosePort} chose. */
export function rememberedPorts(home: Home): Partial<Record<string, number>> {
  try {
    return z.record(z.string(), z.number().int()).parse(JSON.parse(home.read(FILE) ?? '{}'));
  } catch {
    return {};
  }
}

function addressOf(name: PortName): string {
  const { on }: Port = PORTS[name];
  return on ?? LOOPBACK;
}

function askedFor(name: PortName): number | null {
  const { variable } = PORTS[name];
  const text = process.env[variable];
  if (text === undefined || text === '') return null;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port <= HIGHEST) return port;
  throw new Problem(`${variable} is '${text}': it must be a port between 1 and ${HIGHEST}.`);
}
