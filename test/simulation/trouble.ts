import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Cloud, CloudHost } from '../../activities/cloud/cloud';
import { HoldfastError } from '../../domain/errors';
import { createOnce, readIfThere } from './files';
import type { World } from './world';

/** What goes wrong with the cloud of a world; it lies in the world, so that every worker meets it. */
const troubleSchema = z.object({
  /** Which call of the interface. */
  call: z.enum([
    'describe',
    'createNetwork',
    'deleteNetwork',
    'reserveAddress',
    'createHost',
    'deleteHost',
    'findHost',
    'listByTags',
  ]),
  /** Tokens that it is about; default all. */
  token: z.string().optional(),
  /** `fails`: it throws `code` and does nothing. `made but not found`: it does its deed, then throws `code`, as a cloud that can't find what it has just made. */
  how: z.enum(['fails', 'made but not found']),
  code: z.enum(['CLOUD_UNAVAILABLE', 'CLOUD_REFUSED', 'CLOUD_FULL']),
  /** From which call on, counted from 1 over all workers; default 1. */
  from: z.number().default(1),
  /** For how many calls; default for ever. */
  times: z.number().optional(),
});
export type Trouble = z.input<typeof troubleSchema>;

const fileOf = (world: World): string => join(world.folder, 'trouble.json');

/** Replaces what goes wrong; an empty list mends the cloud. */
export function makeTrouble(world: World, troubles: readonly Trouble[]): void {
  mkdirSync(world.folder, { recursive: true });
  writeFileSync(fileOf(world), JSON.stringify(troubles));
}

/** The same cloud with what {@link makeTrouble} says. */
export function withTrouble(cloud: Cloud, world: World): Cloud {
  async function troubled<T>(call: keyof Cloud, token: string, deed: () => Promise<T>): Promise<T> {
    const trouble = nextTrouble(world, call, token);
    if (trouble === undefined) return deed();
    if (trouble.how === 'made but not found') await deed();
    const detail = trouble.how === 'fails' ? 'the simulation says so' : `there is no ${token}`;
    throw new HoldfastError(trouble.code, { cloud: cloud.name, verb: call, detail });
  }
  return {
    name: cloud.name,
    fences: cloud.fences,
    ...(cloud.machines && { machines: cloud.machines }),
    describe: (within) => troubled('describe', '', () => cloud.describe(within)),
    createNetwork: (spec) => troubled('createNetwork', spec.token, () => cloud.createNetwork(spec)),
    deleteNetwork: (token) => troubled('deleteNetwork', token, () => cloud.deleteNetwork(token)),
    reserveAddress: (token) => troubled('reserveAddress', token, () => cloud.reserveAddress(token)),
    createHost: (spec) => troubled('createHost', spec.token, () => cloud.createHost(spec)),
    deleteHost: (token) => troubled('deleteHost', token, () => cloud.deleteHost(token)),
    findHost: (token) => troubled('findHost', token, (): Promise<CloudHost | null> => cloud.findHost(token)),
    powerOff: (token) => cloud.powerOff(token),
    powerOn: (token) => cloud.powerOn(token),
    listByTags: (tags) => troubled('listByTags', '', () => cloud.listByTags(tags)),
  };
}

function nextTrouble(world: World, call: keyof Cloud, token: string): z.infer<typeof troubleSchema> | undefined {
  const text = readIfThere(fileOf(world));
  if (text === null) return undefined;
  const troubles = z.array(troubleSchema).parse(JSON.parse(text));
  return troubles.find((trouble, i) => {
    if (trouble.call !== call || (trouble.token !== undefined && trouble.token !== token)) return false;
    const count = countCall(join(world.folder, 'calls', `${i}-${call}`));
    return count >= trouble.from && count < trouble.from + (trouble.times ?? Infinity);
  });
}

/** Counts over all processes. */
function countCall(folder: string): number {
  let count = 1;
  while (!createOnce(join(folder, String(count)), '')) count++;
  return count;
}
