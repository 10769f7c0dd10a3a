import type { Host, HostFile } from './host';
import { sh } from './shell';

/**
 * Writes one file from base64 on its input. A neighbour is written, owned and flushed first and then renamed over the
 * file, so that a reader sees the old content or the new, also after a power failure. Prints the number that it was given
 * when the file changed.
 */
const SCRIPT_HEAD = `set -eu
umask 077
fresh=
trap 'rm -f -- "$fresh"' EXIT
put() { # number, path, owner, mode
  folder=$(dirname -- "$2")
  [ -d "$folder" ] || (umask 022; mkdir -p -- "$folder")
  fresh=$(mktemp -- "$folder/.holdfast.XXXXXXXX")
  base64 -d >"$fresh"
  chown -- "$3" "$fresh"
  chmod -- "$4" "$fresh"
  if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s -- "$fresh" "$2" &&
    [ "$(stat -c '%u:%g %a' -- "$fresh")" = "$(stat -c '%u:%g %a' -- "$2")" ]; then
    rm -f -- "$fresh"
  else
    sync -- "$fresh"
    mv -fT -- "$fresh" "$2"
    sync -- "$folder"
    echo "$1"
  fi
  fresh=
}
`;

/** See {@link Host.putFiles}. Needs a POSIX shell, coreutils and cmp on the host. */
export async function putFiles(host: Pick<Host, 'run'>, files: readonly HostFile[]): Promise<string[]> {
  if (files.length === 0) return [];
  const script = SCRIPT_HEAD + files.map(putCommand).join('');
  const output = await host.run(sh`sh -s`, {
    stdin: script,
    title: `write ${files.map(({ path }) => path).join(', ')}`,
  });
  const changed = new Set(output.split('\n').filter((line) => line !== ''));
  return files.filter((_, number) => changed.has(String(number))).map(({ path }) => path);
}

function putCommand({ path, owner, mode, content }: HostFile, number: number): string {
  const encoded = Buffer.from(content, 'utf8').toString('base64');
  return `${sh`put ${number} ${path} ${owner} ${mode.toString(8)}`} <<'HOLDFAST'\n${encoded}\nHOLDFAST\n`;
}
