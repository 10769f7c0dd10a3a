import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { leadTo } from '../../../../activities/gateway/haproxy';
import { createAuthority, issueCertificate } from '../../../../activities/secrets/certificates';
import { ASK } from '../../../../activities/patroni/ask';

/** What a switchover tells Patroni and HAProxy, said to servers that listen as these do. */

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'holdfast-tell-'))));
afterEach(() => rmSync(folder, { recursive: true }));

async function run(command: string, args: readonly string[]): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<unknown[]>]);
  return { code, stderr };
}

test.each([
  [200, 'Successfully switched over to "pg-2"', { code: 0, stderr: '' }],
  [412, 'leader name does not match', { code: 1, stderr: 'Patroni says 412: leader name does not match\n' }],
])('Patroni is asked with a certificate of the cluster, and a %d is told', async (status, words, told) => {
  const authority = await createAuthority('Holdfast cluster orders', 10);
  const own = { commonName: 'pg-1.orders', dnsNames: ['pg-1'], ipAddresses: ['127.0.0.1'], days: 1 };
  const { certificatePem: cert, privateKeyPem: key } = await issueCertificate(authority, own);
  const asked: unknown[] = [];
  const options = { cert, key, ca: authority.certificatePem, requestCert: true, rejectUnauthorized: true };
  const patroni = createHttpsServer(options, (request, response) => {
    void text(request).then((body) => {
      asked.push([request.method, request.url, JSON.parse(body)]);
      response.writeHead(status).end(words);
    });
  });
  await once(patroni.listen(0, '127.0.0.1'), 'listening');
  const files = Object.entries({ ca: authority.certificatePem, cert, key }).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  });
  const { port } = patroni.address() as AddressInfo;
  const body = { leader: 'pg-1', candidate: 'pg-2' };
  // Python 3.13, which hosts have, is as strict by default.
  const strict = ASK.replace('context.load', 'context.verify_flags |= ssl.VERIFY_X509_STRICT\ncontext.load');
  expect(await run('python3', ['-c', strict, ...files, String(port), '/switchover', JSON.stringify(body)])).toEqual(
    told,
  );
  expect(asked).toEqual([['POST', '/switchover', body]]);
  patroni.close();
});

test.each<[Parameters<typeof leadTo>[0], string]>([
  [{ from: 'pg-1', to: 'pg-2' }, 'set server primary/pg-1 health down; set server primary/pg-2 health up\n'],
  [{ from: 'pg-1' }, 'set server primary/pg-1 health down\n'],
  [{ to: 'pg-2' }, 'set server primary/pg-2 health up\n'],
])('HAProxy is told %j in one line, and where it does not run nothing fails', async (lead, told) => {
  const path = join(folder, 'admin.sock');
  const command = leadTo(lead).replace('/run/haproxy/admin.sock', path);
  expect((await run('sh', ['-c', command])).code).toBe(0);
  const heard: string[] = [];
  const haproxy = createServer((socket) => {
    socket.on('data', (line) => {
      heard.push(line.toString());
      socket.end('\n');
    });
  });
  await once(haproxy.listen(path), 'listening');
  expect(await run('sh', ['-c', command])).toEqual({ code: 0, stderr: '' });
  expect(heard).toEqual([told]);
  haproxy.close();
});
