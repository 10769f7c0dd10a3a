import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../../../activities/host/host';
import { asPostgres, pgbackrest } from '../../../activities/pgbackrest/commands';
import { BACKUP_CONFIG_FILE } from '../../../activities/pgbackrest/config';

/** Sets of a store that seem older than they are: to pgBackRest, and to all who ask it. */

const DAY_S = 86_400;

/*
 * What pgBackRest knows of its sets is two files of its own in the store, with a checksum over their lines in the shape of JSON
 * (src/info/info.c). That of the file as it was is computed first, so that a wrong rule is not written down.
 */
const AGE = `import hashlib, json, re, subprocess, sys

ages, config, repository, command = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
SUM = ('backrest', 'backrest-checksum')

def parse(text):
    section = None
    for line in text.splitlines():
        if line.startswith('['): section = line[1:-1]
        elif line: yield (section, *line.split('=', 1))

def checksum(lines):
    sections = {}
    for section, key, value in lines:
        if (section, key) != SUM: sections.setdefault(section, []).append(f'"{key}":{value}')
    whole = ','.join(f'"{section}":{{{",".join(entries)}}}' for section, entries in sections.items())
    return hashlib.sha1(f'{{{whole}}}'.encode()).hexdigest()

def aged(section, key, value):
    if section != 'backup:current' or key not in ages: return section, key, value
    entry = json.loads(value)
    for name in ('backup-timestamp-start', 'backup-timestamp-stop'): entry[name] -= ages[key]
    return section, key, json.dumps(entry, separators=(',', ':'))

lines = list(parse(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout))
[known] = [json.loads(value) for section, key, value in lines if (section, key) == SUM]
if checksum(lines) != known: sys.exit('the rule of the checksum is another one')
new = [aged(*line) for line in lines]
if new == lines: sys.exit('there is no such set')
out, last = [], None
for section, key, value in new:
    if section != last: out.append(f'{chr(10) if out else ""}[{section}]')
    last = section
    out.append(f'{key}={json.dumps(checksum(new)) if (section, key) == SUM else value}')
with open(config) as file: [passphrase] = re.findall(f'^repo{repository}-cipher-pass=(.*)$', file.read(), re.M)
encrypt = ['openssl', 'enc', '-aes-256-cbc', '-md', 'sha1', '-pass', 'env:PASSPHRASE', '-base64', '-A']
subprocess.run(encrypt, input='\\n'.join(out) + '\\n', env={'PATH': '/usr/bin', 'PASSPHRASE': passphrase}, text=True, check=True, stderr=subprocess.DEVNULL)
`;

/**
 * @param host a data node of the lineage.
 * @param store number that pgBackRest has for it there, and the folder that it keeps objects in.
 * @param days how much older each of its sets is to be.
 */
export async function age(
  host: Host,
  lineage: string,
  store: { readonly repository: number; readonly folder: string },
  days: Readonly<Record<string, number>>,
): Promise<void> {
  const ages = JSON.stringify(Object.fromEntries(Object.entries(days).map(([set, count]) => [set, count * DAY_S])));
  const options = [`--repo=${store.repository}`, '--log-level-console=off'];
  for (const name of ['backup.info', 'backup.info.copy']) {
    const path = `backup/${lineage}/${name}`;
    const read = [...pgbackrest(BACKUP_CONFIG_FILE, lineage, ...options), 'repo-get', path];
    const words = ['python3', '-c', AGE, ages, BACKUP_CONFIG_FILE, String(store.repository), ...read];
    const encrypted = await host.run(asPostgres(words));
    const file = readdirSync(store.folder, { recursive: true, encoding: 'utf8' }).find((one) =>
      one.endsWith(`/${path}`),
    );
    if (file === undefined) throw new Error(`no ${path}`);
    writeFileSync(join(store.folder, file), Buffer.from(encrypted, 'base64'));
  }
}
