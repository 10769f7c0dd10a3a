import type Docker from 'dockerode';
import type { Enforcement, HostSpec } from '../cloud';
import { ask } from './errors';
import { once } from './once';

/** Memory and CPU of the plan: limits where the engine has the controllers for them. */
export interface Limits {
  readonly enforcement: () => Promise<Enforcement>;
  of(
    spec: Pick<HostSpec, 'memoryBytes' | 'cpus'>,
  ): Promise<Pick<Docker.HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus'>>;
}

interface EngineTraits {
  readonly limits: boolean;
  readonly cpus: number;
}

export function createLimits(docker: Docker): Limits {
  const traits = once(() => askTraits(docker));

  return {
    async enforcement() {
      if ((await traits()).limits) return { enforced: true };
      return {
        enforced: false,
        reason:
          "The Docker engine's machine has no memory and CPU controllers for containers: a host may use all of the machine.",
      };
    },

    async of({ memoryBytes, cpus }) {
      const engine = await traits();
      // This engine refuses a limit that it can't hold, rather than ignore it.
      if (!engine.limits) return {};
      // No swap on top of the memory. More CPUs than there are would be refused.
      return { Memory: memoryBytes, MemorySwap: memoryBytes, NanoCpus: Math.min(cpus, engine.cpus) * 1e9 };
    },
  };
}

async function askTraits(docker: Docker): Promise<EngineTraits> {
  const answer: unknown = await ask('describe itself', docker.info());
  const has = (key: string): unknown =>
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, key) : undefined;
  return { limits: has('MemoryLimit') === true && has('CpuCfsQuota') === true, cpus: Number(has('NCPU')) };
}
