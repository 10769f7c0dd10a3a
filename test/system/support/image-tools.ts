import { lastLine, runCommand } from '../../../infra/local/command';
import type { Outcome } from '../../../infra/local/command';
import type { CredentialsAnswer } from '../../../domain/schemas/credentials';
import { goldenImage } from './engine';

/** Programs of the golden image, run on this machine's own network, as a user of a cluster would run them. */

/** Runs a shell script in a container of the image; it travels by stdin, so it may hold passwords. */
export async function runTool(script: string): Promise<Outcome> {
  const image = await goldenImage();
  return runCommand('docker', ['run', '--rm', '-i', '--network', 'host', image, 'sh', '-eus'], { stdin: script });
}

/** Runs a script on a host of a cluster, as root. @param signal to wait for it no longer. */
export function runOn(hostId: string, script: string, signal?: AbortSignal): Promise<Outcome> {
  return runCommand('docker', ['exec', '-i', hostId, 'sh', '-us'], { stdin: script, ...(signal && { signal }) });
}

/** Runs a script as `postgres` on a host of a cluster. @returns what it printed. @throws Error when it fails. */
export async function runAsPostgres(hostId: string, script: string, signal?: AbortSignal): Promise<string> {
  const args = ['exec', '-i', hostId, 'runuser', '-u', 'postgres', '--', 'sh', '-eu'];
  return demandSuccess(await runCommand('docker', args, { stdin: script, ...(signal && { signal }) }));
}

/** Lines for a script that let libpq's programs log in as the owner, over TLS verified in full. */
export function libpqEnvironment({ username, password, database, caCertificate }: CredentialsAnswer): string {
  const settings = { PGUSER: username, PGPASSWORD: password, PGDATABASE: database, PGSSLMODE: 'verify-full' };
  const exports = Object.entries(settings).map(([name, value]) => `export ${name}='${value}'\n`);
  return `cat >/tmp/ca.crt <<'END'\n${caCertificate}END\n${exports.join('')}export PGSSLROOTCERT=/tmp/ca.crt\n`;
}

/** The output of a tool that has to succeed. */
export function demandSuccess({ exitCode, stdout, stderr }: Outcome): string {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${lastLine(stderr)}\n${stdout}\n${stderr}`);
  return stdout;
}
