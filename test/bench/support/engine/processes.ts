import { readdirSync, readFileSync } from 'node:fs';

/** What processes of a control plane use, as Linux tells it. */

export interface Usage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** Ticks of /proc per second on every Linux that Node runs on. */
const TICKS_PER_S = 100;

/** The process ids of the control plane of `home`, by the module that each runs. */
export function findProcesses(home: string, modules: Readonly<Record<string, string>>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = readOrEmpty(`/proc/${pid}/cmdline`);
    const name = Object.entries(modules).find(([, module]) => command.includes(module))?.[0];
    if (name && readOrEmpty(`/proc/${pid}/environ`).includes(`HOLDFAST_HOME=${home}\0`)) found[name] = Number(pid);
  }
  return found;
}

export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name may hold blanks: fields are counted from behind its bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuMs: ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_S) * 1000,
    memoryBytes: Number(resident) * 1024,
  };
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // It has ended.
  }
}
