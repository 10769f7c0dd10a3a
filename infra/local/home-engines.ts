import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Home } from './home';

/** Addresses of Docker engines, a line each. More than one when DOCKER_HOST or the machine's own engine changed in between. */
const FILE = 'engines';

/**
 * Writes into the home that the installation has things on that engine, before it makes any: what runs at `npm run down`,
 * or what DOCKER_HOST names then, can be another one.
 */
export function rememberEngine(home: Home, host: string): void {
  const known = rememberedEngines(home.folder);
  if (!known.includes(host)) home.write(FILE, [...known, host].join('\n'));
}

/** Engines on which the installation of that home may have clusters. */
export function rememberedEngines(folder: string): string[] {
  const file = join(folder, FILE);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
