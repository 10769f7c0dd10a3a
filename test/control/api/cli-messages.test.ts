import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { OperationId } from '../../../domain/ids';
import { stepTitles } from '../../../workflows/runbooks';
import type { TestApi } from '../../support/api';
import { COMMAND, commandIn, type TestCommand } from '../../support/command';
import { deleteCluster, readyCluster } from '../../support/api-backups';
import { finish, knownSite } from '../../support/inventory';
import { startTestUser, type TestUser } from '../../support/test-user';

/** What a reader of the command's messages needs: where it is, what is wrong, what to type next. */

let user: TestUser;
let api: TestApi;
let token: string;
let folder: string;
let run: TestCommand['run'];
beforeAll(async () => {
  user = await startTestUser();
  ({ api, run, token, folder } = user);
});
afterAll(() => user?.stop());

async function order(name: string): Promise<{ clusterId: string; id: OperationId }> {
  const { body } = await api.request('POST', '/v1/clusters', { body: { name, plan: 'sandbox' } });
  return { clusterId: String(body['clusterId']), id: body['id'] as OperationId };
}

/** Lets an operation succeed, as its workflow would. */
async function succeed(
  id: unknown,
  status?: Parameters<TestApi['inventory']['clusters']['setStatus']>[1],
): Promise<void> {
  const operation = await api.inventory.operations.get(id as OperationId);
  if (operation === null) throw new Error(`no operation ${String(id)}`);
  const { clusterId, generation } = operation;
  const at = { clusterId, operationId: operation.id, lane: 'cluster', generation, stepId: 'x' } as const;
  if (status) await api.inventory.clusters.setStatus(at, status);
  if (operation.kind === 'delete') await api.inventory.clusters.markDeleted(at);
  await finish(api.inventory, operation);
}

async function makeReady(name: string): Promise<{ clusterId: string }> {
  api.secrets.set('role/app', 'password').set('ca', JSON.stringify({ certificatePem: `CA of ${name}\n` }));
  const { clusterId, id } = await order(name);
  const addresses = [{ host: '127.0.0.1', primaryPort: 5432, replicaPort: 5433, pooledPort: 6432 }];
  await succeed(id, { state: 'ready', endpoint: { addresses } });
  return { clusterId };
}

async function orderDeletion(name: string): Promise<unknown> {
  const { body } = await api.request('DELETE', `/v1/clusters/${name}?confirm=${name}`);
  return body['id'];
}

test('a problem has the whole URL of its page, and the page is there', async () => {
  await order('taken');
  const { stderr } = await run(['cluster', 'create', 'taken', '--plan', 'sandbox']);
  const page = / {2}more +(\S+)\n/.exec(stderr)?.[1] ?? '';
  expect(page).toBe(`${api.url}/v1/errors/NAME_TAKEN`);
  const answer = await fetch(page);
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('# NAME_TAKEN')]);
  const inJson = await run(['cluster', 'create', 'taken', '--plan', 'sandbox', '-o', 'json']);
  expect(JSON.parse(inJson.stderr)).toMatchObject({ docUrl: page });
});

test('what is next names the very thing that is in the way', async () => {
  const { clusterId, id } = await order('known');
  const next = async (...args: string[]): Promise<string | undefined> =>
    / {2}next +(.*)\n/.exec((await run(args)).stderr)?.[1];
  expect(await next('cluster', 'create', 'known', '--plan', 'ha-s')).toBe(`holdfast cluster show ${clusterId}`);
  expect(await next('cluster', 'delete', 'known')).toBe('holdfast cluster delete known --confirm known');
  expect(await next('psql', 'known')).toBe('holdfast ops list --cluster known');
  expect(await next('ops', 'retry', id)).toBe(`holdfast ops show ${id}`);
  expect(await next('ops', 'watch', 'op_none')).toBe('holdfast ops list');
  expect(await next('ops', 'show', 'op_none')).toBe('holdfast ops list');
  expect(await next('ops', 'list', '--cluster', 'none')).toBe('holdfast cluster list');
  expect(await next('token', 'revoke', 'tok_none')).toBe('holdfast token list');
  expect(await next('cluster', 'create', 'Bad', '--plan', 'ha-s')).toBe('holdfast cluster create --help');
});

test('whoever names a cluster that was deleted is told so, and how it comes back', async () => {
  await api.inventory.sites.record([knownSite('primary', 'docker')]);
  const { timeline } = await readyCluster(api, 'missed');
  const window = { earliest: '2026-11-21T06:30:09.000Z', latest: '2026-11-21T07:02:00.000Z' };
  await api.inventory.timelines.setWindow(timeline.id, window);
  await deleteCluster(api, 'missed');
  for (const words of [['psql'], ['restore', 'window'], ['cluster', 'show'], ['backup', 'list']]) {
    const { code, stderr } = await run([...words, 'missed']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /There is no cluster missed here: it was deleted at 20\S+Z, and can be undeleted until 20\S+Z\.\n +next +holdfast cluster undelete missed\n/,
      ),
    ]);
  }
});

test('fields are named as they were typed, with what would be right', async () => {
  const many = ['--storage', '1GB', '--allow-ip', '10.0.0.0/8', '--allow-ip', 'home'];
  const { stderr } = await run(['cluster', 'create', 'x', '--plan', 'ha-s', ...many]);
  expect(stderr.split('\n').slice(0, 3)).toEqual([
    'error VALIDATION_FAILED: 2 things are wrong, and nothing was done:',
    '  --storage: must be a whole number and MiB, GiB or TiB, such as 20GiB',
    '  --allow-ip (number 2): must be a network (CIDR) such as 203.0.113.0/24 or 2001:db8::/32',
  ]);
  const one = await run(['cluster', 'create', 'x', '--plan', 'ha-s', '--storage', '1TiB']);
  expect(one.stderr).toContain(
    'error VALIDATION_FAILED: --storage: must be 10GiB to 100GiB with plan ha-s. Nothing was done.\n',
  );
});

test('whoever gives psql its options without -- is told where they belong', async () => {
  const { code, stderr } = await run(['psql', 'orders', '-c', 'select 1']);
  expect(code).toBe(2);
  expect(stderr).toContain("(options for psql come after --: holdfast psql NAME -- -c 'select 1')");
  const other = await run(['cluster', 'create', 'orders']);
  expect(other.stderr).toContain('(holdfast cluster create --help tells more)');
});

test('hints begin as the command was called: by npx, by its path, by its name', async () => {
  const args = ['cluster', 'show', 'none'];
  expect((await run(args, { npm_command: 'exec' })).stderr).toContain(' npx holdfast cluster list\n');
  expect((await run(args)).stderr).toContain('  next     holdfast cluster list\n');
  const byPath = commandIn(folder, { HOLDFAST_URL: api.url, HOLDFAST_TOKEN: token, PATH: path.dirname(COMMAND) });
  const link = path.join(folder, 'elsewhere');
  mkdirSync(link);
  writeFileSync(path.join(link, 'holdfast'), `#!/bin/sh\nexec '${COMMAND}' "$@"\n`, { mode: 0o755 });
  expect((await byPath.run(args, { PATH: link })).stderr).toContain(`  next     ${COMMAND} cluster list\n`);
});

test('.holdfast says where the API is, when nobody else does; with it go the certificates of its clusters', async () => {
  const home = path.join(folder, '.holdfast');
  mkdirSync(home);
  writeFileSync(path.join(home, 'token'), `${token}\n`);
  writeFileSync(path.join(home, 'url'), `${api.url}\n`);
  const { clusterId } = await makeReady('homely');
  const none = { HOLDFAST_URL: undefined, HOLDFAST_TOKEN: undefined };
  expect((await run(['uri', 'homely'], none)).stdout).toContain(encodeURIComponent(`${home}/ca/${clusterId}.pem`));
  const away = await run(['cluster', 'list'], { ...none, HOLDFAST_URL: 'http://127.0.0.1:9' });
  expect(away.stderr).toContain('No answer from http://127.0.0.1:9');
  rmSync(home, { recursive: true });
});

test('--version says the release of the command and of the API, and does not mind one that is away', async () => {
  const both = await run(['--version']);
  expect([both.code, both.stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^holdfast \\d+\\.\\d+\\.\\d+\nAPI 0\\.0\\.0-test at ${api.url}\n$`)),
  ]);
  expect(both.stderr).toContain('different releases');
  const alone = await run(['-V'], { HOLDFAST_URL: 'http://127.0.0.1:9' });
  expect([alone.code, alone.stdout]).toEqual([0, expect.stringMatching(/^holdfast \S+\n$/)]);
  expect(alone.stderr).toBe('The API at http://127.0.0.1:9 does not answer.\n');
});

test('ops show has the address of the workflow in the Temporal Web UI', async () => {
  const { id } = await order('shown');
  const { stdout } = await run(['ops', 'show', id]);
  expect(stdout).toContain(`Temporal Web UI  http://temporal.test/namespaces/default/workflows/${id}\n`);
});

test('ops list says which step each operation is at', async () => {
  const { id } = await order('listed');
  const [step] = stepTitles('provision', 'single');
  if (!step) throw new Error('no step');
  const at = new Date().toISOString();
  const changed = { stepId: step.id, state: 'running', at } as const;
  await api.inventory.operations.record({ operationId: id, seq: 1, steps: [changed] });
  const { stdout } = await run(['ops', 'list', '--cluster', 'listed']);
  expect(stdout).toMatch(/^OPERATION +KIND +CLUSTER +STATE +STEP +BY +CREATED$/m);
  expect(stdout).toContain(`  ${step.title}  `);
});

describe('certificates of clusters that are gone', () => {
  const kept = (): string[] => readdirSync(path.join(folder, '.cache/holdfast/ca')).sort();

  test('are removed when the command deletes the cluster and waits', async () => {
    const { clusterId } = await makeReady('waited');
    await run(['uri', 'waited']);
    expect(kept()).toContain(`${clusterId}.pem`);
    const deleting = run(['cluster', 'delete', 'waited', '--confirm', 'waited', '--wait']);
    let operation: unknown;
    while (operation === undefined) {
      const { body } = await api.request('GET', '/v1/operations?cluster=waited');
      operation = (body['items'] as { id: string; kind: string }[]).find(({ kind }) => kind === 'delete')?.id;
    }
    await succeed(operation);
    expect((await deleting).code).toBe(0);
    expect(kept()).not.toContain(`${clusterId}.pem`);
  });

  test('are removed when the cluster is not found, when a namesake came, and when it is shown', async () => {
    const stranger = 'clu_01aaaaaaaaaaaaaaaaaaaaaaaa.pem';
    for (const find of [
      () => run(['psql', 'gone']),
      async () => {
        await makeReady('gone');
        return run(['uri', 'gone']);
      },
      (id: string) => run(['cluster', 'show', id]),
    ]) {
      const { clusterId } = await makeReady('gone');
      const { clusterId: stays } = await makeReady(`stays-${clusterId.slice(-8).toLowerCase()}`);
      for (const name of ['gone', stays]) await run(['uri', name]);
      writeFileSync(path.join(folder, '.cache/holdfast/ca', stranger), 'of another installation');
      await succeed(await orderDeletion('gone'));
      expect(kept()).toContain(`${clusterId}.pem`);
      await find(clusterId);
      expect(kept()).not.toContain(`${clusterId}.pem`);
      expect(kept()).toEqual(expect.arrayContaining([`${stays}.pem`, stranger]));
      const again = await api.request('GET', '/v1/clusters/gone');
      if (again.status === 200) await succeed(await orderDeletion('gone'));
    }
  });

  test("stay when another project's token looks", async () => {
    const { clusterId } = await makeReady('mine');
    await run(['uri', 'mine']);
    await succeed(await orderDeletion('mine'));
    const { id } = await api.inventory.projects.ensure('strangers');
    await run(['uri', 'mine'], { HOLDFAST_TOKEN: await api.token(undefined, id) });
    expect(kept()).toContain(`${clusterId}.pem`);
    await run(['uri', 'mine']);
    expect(kept()).not.toContain(`${clusterId}.pem`);
  });
});

test('no certificate is left unfinished', () => {
  const ca = path.join(folder, '.cache/holdfast/ca');
  expect(existsSync(ca)).toBe(true);
  expect(readdirSync(ca).filter((name) => !name.endsWith('.pem'))).toEqual([]);
});
