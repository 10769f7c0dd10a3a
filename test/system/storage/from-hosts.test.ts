import { CONTROL_HOSTNAME } from '../../../domain/names';
import { sh } from '../../../activities/host/shell';
import { enterTestHost } from '../support/host';
import type { EnteredHost } from '../support/host';
import { startStores } from '../support/stores';
import type { TestStores } from '../support/stores';

/** Hosts of the cloud `docker` reach the stores of the machine that carries them, and know them by their certificate. */

jest.setTimeout(120_000);

let stores: TestStores;
let entered: EnteredHost;

beforeAll(async () => {
  [stores, entered] = await Promise.all([startStores(['primary', 'secondary']), enterTestHost()]);
});
afterAll(async () => {
  await entered.end();
  await stores.end();
});

/** @returns what the host makes of the store's certificate when it trusts that authority. */
async function handshake(site: string, authority: string): Promise<string> {
  const { port } = new URL(stores.site(site).hostEndpoint);
  const trusted = stores.site(authority).caPem ?? '';
  await entered.host.run(sh`sh -c ${'cat >/tmp/authority.crt'}`, { stdin: trusted });
  const verify = `-CAfile /tmp/authority.crt -verify_return_error -verify_hostname ${CONTROL_HOSTNAME}`;
  const connect = `openssl s_client -connect ${CONTROL_HOSTNAME}:${port} ${verify} </dev/null 2>&1 || :`;
  return entered.host.run(sh`sh -c ${connect}`);
}

test('by the name that the control plane has for them, over TLS', async () => {
  expect(await handshake('primary', 'primary')).toContain('Verify return code: 0 (ok)');
});

test('and would refuse a store of another authority', async () => {
  expect(await handshake('primary', 'secondary')).toMatch(/verify error|certificate verify failed/);
});
