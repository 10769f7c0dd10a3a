import type { Host, RunOptions } from '../host/host';
import { sh } from '../host/shell';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import { PATRONI_REST_PORT } from './config';

/** Asks the Patroni of its own host; what it is given: CA, certificate, key, port, path, body. Exported for its test. */
export const ASK = `import http.client, ssl, sys
ca, certificate, key, port, path, body = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(certificate, key)
patroni = http.client.HTTPSConnection('127.0.0.1', int(port), context=context)
patroni.request('POST', path, body, {'Content-Type': 'application/json'})
answer = patroni.getresponse()
if answer.status != 200: sys.exit(f'Patroni says {answer.status}: {answer.read().decode()}')`;

/** Returns when Patroni of that host says that it was done, or begun. @throws HOST_COMMAND_FAILED with its words when it refuses. */
export async function askPatroni(
  host: Host,
  path: '/switchover' | '/restart' | '/reinitialize',
  body: Readonly<Record<string, string | boolean>>,
  options: RunOptions,
): Promise<void> {
  const files = [CA_FILE, certificateFile('patroni'), keyFile('patroni')];
  await host.run(sh`python3 -c ${ASK} ${files} ${PATRONI_REST_PORT} ${path} ${JSON.stringify(body)}`, options);
}
