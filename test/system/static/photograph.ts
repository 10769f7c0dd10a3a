import type { Machine } from './machines';

/** What a machine is, line by line: packages, users, units, ports, files and what is in its settings. */

/*
 * Left out: logs, caches of APT, and what the tools keep of the state before their last change, each of which would also
 * differ after any package was installed and removed.
 */
const CHANGES_BY_ITSELF = [
  '/var/log/*',
  '/var/cache/*',
  '/var/lib/apt/*',
  '/var/lib/dpkg/*-old',
  '/var/lib/systemd/*',
  '/var/lib/ucf/*',
  '/var/backups/*',
  '/var/tmp/*',
  '/home/*/.bash_history',
];
const BACKUPS = ['/etc/passwd-', '/etc/shadow-', '/etc/group-', '/etc/gshadow-', '/etc/ld.so.cache'];

// Docker's own name server listens on 127.0.0.11, on another port after each start.
const LOOK = `
dpkg-query -W -f 'package \${db:Status-Abbrev} \${Package} \${Version}\\n'
apt-mark showmanual | sed 's/^/manual /'
sed 's/^/user /' /etc/passwd
sed 's/^/group /' /etc/group
systemctl list-unit-files --no-legend | awk '{ print "unit", $1, $2 }'
systemctl list-units --no-legend --plain --all 'holdfast*' | awk '{ print "loaded", $1 }'
systemctl list-units --no-legend --plain --state=failed | awk '{ print "failed", $1 }'
ss -Hltn | awk '$4 !~ /^127.0.0.11:/ { print "port", $4 }'
ip -o address show | awk '{ print "address", $2, $4 }'
find /etc /var /usr /opt /srv /root /home -xdev ${CHANGES_BY_ITSELF.map((path) => `! -path '${path}'`).join(' ')} -printf 'file %M %u:%g %p\\n'
find /etc -xdev -type f ${BACKUPS.map((path) => `! -path '${path}'`).join(' ')} -exec sha256sum {} + | sed 's/^/content /'
find /run -xdev -path '*holdfast*' -printf 'file %p\\n'
`;

export type Photograph = ReadonlySet<string>;

export async function photograph(machine: Machine): Promise<Photograph> {
  return new Set((await machine.ask(LOOK)).split('\n'));
}

/** What has changed on any of the machines since they were photographed, in the same order. */
export async function changesOf(machines: readonly Machine[], before: readonly Photograph[]): Promise<string[]> {
  const after = await Promise.all(machines.map(photograph));
  return after.flatMap((now, i) => differences(before[i], now).map((line) => `${machines[i]?.name ?? ''} ${line}`));
}

/** Lines that only one of the two has. */
export function differences(before: Photograph = new Set(), after: Photograph): string[] {
  return [
    ...[...before].filter((line) => !after.has(line)).map((line) => `- ${line}`),
    ...[...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
  ];
}
