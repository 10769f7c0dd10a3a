import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { Host, HostFile } from './host';
import { sh } from './shell';
import type { ShellCommand } from './shell';

/*
 * Each file is first written beside its place with its owner and mode. Those that differ are flushed to the disk all at
 * once and then renamed: a reader sees the old content or the new, also after a power failure. Few processes are started
 * for each file, because they are most of the time that it takes.
 */
const HEAD = `set -eu
umask 077
stage() { # fresh, folder, user, group, mode; content on stdin
  [ -d "$2" ] || (umask 022; mkdir -p -- "$2")
  base64 -d | install -o "$3" -g "$4" -m "$5" -- /dev/stdin "$1"
}
same() { # fresh, path
  [ -f "$2" ] && [ ! -L "$2" ] && cmp -s -- "$1" "$2" && both=$(stat -c '%u:%g %a' -- "$1" "$2") &&
    [ "\${both%%
*}" = "\${both#*
}" ]
}
`;

/** A file with the name of its neighbour; the name can't be guessed, so that nobody waits for it with a link. */
interface Staged extends HostFile {
  readonly fresh: string;
  readonly folder: string;
}

/** See {@link Host.putFiles}. Needs a POSIX shell, coreutils and cmp on the host. */
export async function putFiles(host: Pick<Host, 'run'>, files: readonly HostFile[]): Promise<string[]> {
  if (files.length === 0) return [];
  const staged = files.map((file): Staged => {
    const folder = posix.dirname(file.path);
    return { ...file, folder, fresh: posix.join(folder, `.holdfast.${randomBytes(8).toString('hex')}`) };
  });
  const title = `write ${files.map(({ path }) => path).join(', ')}`;
  const output = await host.run(sh`sh -s`, { stdin: scriptFor(staged), title });
  const changed = new Set(output.split('\n').filter((line) => line !== ''));
  return files.filter((_, number) => changed.has(String(number))).map(({ path }) => path);
}

/** The script prints the numbers of the files that it changed. */
function scriptFor(files: readonly Staged[]): string {
  const cleanUp: ShellCommand = sh`rm -f -- ${files.map(({ fresh }) => fresh)}`;
  const folders = [...new Set(files.map(({ folder }) => folder))];
  return [
    HEAD,
    // A signal ends dash without what is to be done at its exit: a cancel, or a caller that is gone, is one.
    `${sh`trap ${cleanUp} EXIT`}\ntrap 'exit 129' HUP INT PIPE TERM\nset --\n`,
    ...files.map(stage),
    '[ $# -gt 0 ] || exit 0\nsync -- "$@"\n',
    ...files.map(
      ({ fresh, path }, i) => `[ -z "$differs${i}" ] || { ${sh`mv -fT -- ${fresh} ${path}`}; echo ${i}; }\n`,
    ),
    `${sh`sync -- ${folders}`}\n`,
  ].join('');
}

function stage({ path, folder, fresh, owner, mode, content }: Staged, i: number): string {
  const [user = '', group = ''] = owner.split(':');
  const encoded = Buffer.from(content, 'utf8').toString('base64');
  return `${sh`stage ${fresh} ${folder} ${user} ${group} ${mode.toString(8)}`} <<'HOLDFAST'
${encoded}
HOLDFAST
if ${sh`same ${fresh} ${path}`}; then differs${i}=; else differs${i}=1; ${sh`set -- "$@" ${fresh}`}; fi
`;
}
