import fc from 'fast-check';
import { demandSuccess, runTool } from '../support/image-tools';

/** Texts for tests of quoting, and the real readers of what was quoted. */

/** Many of them full of what means something to shells, SQL, YAML, INI files or URIs. */
const nasty = fc.string({
  unit: fc.constantFrom(...`'"\\$\`!*?[]{}()<>|&;:#~=%@/-,.+\n\r\t aEU0ß😀\u2028`),
  maxLength: 40,
});

/** Any text that PostgreSQL can hold: no NUL and no half of a surrogate pair. */
export const text = fc
  .oneof(nasty, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  .filter((candidate) => !candidate.includes('\0') && candidate.isWellFormed());

/** One that a line can hold. */
export const lineText = text.filter((candidate) => !/[\x00-\x1f\x7f]/.test(candidate));

/** So many at once that one run of a tool reads them all. A failure is told as it is found: each try takes seconds. */
export const many = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 40, maxLength: 60 });
export const FEW_RUNS = { numRuns: 2, endOnFailure: true } as const;

/** Runs Python in the golden image: it gets `given` as `given`, and prints JSON. */
export async function inImage(given: unknown, lines: readonly string[]): Promise<unknown> {
  const json = Buffer.from(JSON.stringify(given)).toString('base64');
  const program = [
    'import base64, json, os, subprocess, time',
    `given = json.loads(base64.b64decode('${json}'))`,
    ...lines,
  ];
  const encoded = Buffer.from(program.join('\n')).toString('base64');
  return JSON.parse(demandSuccess(await runTool(`echo ${encoded} | base64 -d >/tmp/read.py\npython3 /tmp/read.py\n`)));
}

/**
 * A PgBouncer with the file of users `given.users`; prints who of `given.logins` (what libpq is told of each) it lets in.
 * A `passfile` is given as its text.
 */
export const WHO_ENTERS = [
  'import psycopg2',
  'os.makedirs("/tmp/pgb", exist_ok=True)',
  'open("/tmp/pgb/users", "w", newline="").write(given["users"])',
  'names = ",".join({login["user"] for login in given["logins"]})',
  'open("/tmp/pgb/ini", "w").write("""[databases]',
  '[pgbouncer]',
  'listen_addr =',
  'unix_socket_dir = /tmp/pgb',
  'auth_type = scram-sha-256',
  'auth_file = /tmp/pgb/users',
  'admin_users = %s',
  '""" % names)',
  'subprocess.run(["chown", "-R", "postgres", "/tmp/pgb"], check=True)',
  'command = ["runuser", "-u", "postgres", "--", "pgbouncer", "-q", "/tmp/pgb/ini"]',
  'server = subprocess.Popen(command, stderr=subprocess.DEVNULL)',
  'while not os.path.exists("/tmp/pgb/.s.PGSQL.6432"): time.sleep(0.05)',
  'def enters(login):',
  '  if "passfile" in login:',
  '    open("/tmp/pass", "w", newline="").write(login["passfile"]); os.chmod("/tmp/pass", 0o600)',
  '    login = {**login, "passfile": "/tmp/pass"}',
  '  try: psycopg2.connect(host="/tmp/pgb", port=6432, dbname="pgbouncer", **login).close(); return True',
  '  except psycopg2.OperationalError: return False',
  'print(json.dumps([enters(login) for login in given["logins"]]))',
  'server.terminate()',
];
