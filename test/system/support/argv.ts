import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { goldenImage } from './engine';

/** Command lines of all processes of the engine's machine, hosts included, from now until {@link ArgvWatch.stop}. */
export interface ArgvWatch {
  /** Returns what was seen, a line each. */
  stop(): Promise<string>;
}

/** A command that lives for less than this may be missed. */
const EVERY_S = 0.1;

const WATCH = `
import glob, select, sys
seen = set()
while True:
    for name in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(name, 'rb') as file:
                seen.add(file.read().replace(b'\\0', b' ').decode(errors='replace'))
        except OSError:
            pass
    if select.select([sys.stdin], [], [], ${EVERY_S})[0]:
        break
print('\\n'.join(seen))
`;

export async function watchArgv(): Promise<ArgvWatch> {
  const run = ['run', '--rm', '-i', '--pid', 'host', '--network', 'none', await goldenImage(), 'python3', '-c', WATCH];
  const child = spawn('docker', run, { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen = text(child.stdout);
  return {
    stop: () => {
      child.stdin.end();
      return seen;
    },
  };
}
