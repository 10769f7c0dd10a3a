import { quote } from '../../host/shell';
import { sourcesScript } from '../../software/files';

/**
 * Asks whether a machine gets packages from its own sources, and from those that install.sh will add. Which these are
 * install.sh itself says: a mirror may have Debian 13 and lack another suite, or a firewall may stop the one for security.
 */

/** How long a server may keep quiet. */
const TIMEOUT_S = 8;

const QUICK = ['http', 'https'].map((scheme) => `-o Acquire::${scheme}::Timeout=${TIMEOUT_S}`).join(' ');

const BEFORE = `if ! command -v apt-get >/dev/null; then say packages 'it has no APT'; exit 0; fi
broken=$(dpkg --audit 2>&1 | head -n 1)
if [ -n "$broken" ]; then say packages "dpkg is in the middle of something: $broken"; exit 0; fi
# All that is written goes into a folder of its own: the machine's own sources and lists stay as they are.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
mkdir "$folder/added"
export LC_ALL=C
`;

/** The first thing that is wrong ends it, but of addresses that are not to be had each is named. */
const ASK = `if ! env HOST_KIND=static APT_DIR="$folder" bash "$folder/install.sh" sources \\
  >"$folder/added/holdfast.sources" 2>"$folder/said"; then
  say packages "$(sed 's/^install: //' "$folder/said" | tail -n 1)"
  exit 0
fi
if ! { apt-get update --print-uris &&
  apt-get update --print-uris -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/added"; } \\
  >"$folder/uris" 2>"$folder/said"; then
  say packages "$(sed -n 's/^E: //p' "$folder/said" | head -n 1)"
  exit 0
fi
sed -n "s/^'\\([^']*InRelease\\)'.*/\\1/p" "$folder/uris" | sort -u |
  xargs -r -d '\\n' -n 1 -P 8 sh -c '
    said=$(/usr/lib/apt/apt-helper -o Acquire::Retries=0 ${QUICK} \\
      -o APT::Sandbox::User=root download-file "$1" "$0/$$" 2>&1) && exit
    said=$(printf "%s\\n" "$said" | sed -n "s/^[EW]: //p" | head -n 1 | sed "s/  */ /g")
    printf "packages=%s: %s\\n" "$1" "\${said#"Failed to fetch $1 "}"
  ' "$folder" | sort
`;

/** Shell, after a function `say KEY VALUE`: says `packages` for each thing that is wrong. */
export async function packageProbe(): Promise<string> {
  const files = [...(await sourcesScript())];
  const written = files.map(([name, content]) => `printf %s ${quote(content)} >"$folder"/${quote(name)}\n`);
  return `${BEFORE}${written.join('')}${ASK}`;
}
