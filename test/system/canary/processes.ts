import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Place } from '../support/secret-search';
import { goldenImage } from '../support/engine';

/** Arguments and environments of all processes of the engine's machine, hosts included, from now until `stop`. */
export interface ProcessWatch {
  /** @param control what must have been seen. */
  stop(control: { readonly argument: string; readonly environment: string }): Promise<Place[]>;
}

// A process that lives for less than this may be missed.
const WATCH = `
import glob, json, select, sys
seen = {'cmdline': set(), 'environ': set()}
while True:
    for kind, texts in seen.items():
        for name in glob.glob('/proc/[0-9]*/' + kind):
            try:
                with open(name, 'rb') as file:
                    texts.add(file.read().replace(b'\\0', b' ').decode(errors='replace'))
            except OSError:
                pass
    if select.select([sys.stdin], [], [], 0.05)[0]:
        break
print(json.dumps({kind: '\\n'.join(texts) for kind, texts in seen.items()}))
`;

export async function watchProcesses(): Promise<ProcessWatch> {
  const rights = ['--pid', 'host', '--cap-add', 'SYS_PTRACE', '--security-opt', 'apparmor=unconfined'];
  const run = ['run', '--rm', '-i', ...rights, '--network', 'none', await goldenImage(), 'python3', '-c', WATCH];
  const child = spawn('docker', run, { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen = text(child.stdout);
  return {
    async stop({ argument, environment }) {
      child.stdin.end();
      const { cmdline, environ } = JSON.parse(await seen) as { cmdline: string; environ: string };
      return [
        { name: 'arguments of processes', text: cmdline, control: argument },
        { name: 'environments of processes', text: environ, control: environment },
      ];
    },
  };
}
