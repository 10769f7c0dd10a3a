import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { Client } from '@temporalio/client';
import { isFinal } from '../../domain/operations';
import { operationSchema } from '../../domain/schemas/operations';
import type { Holdfast } from '../support/holdfast';
import { startHoldfast } from '../support/holdfast';
import { engineBench, eventStream, eventStreams, keyCommand } from './canary/outputs';
import { answers, errorTexts, histories, inventory, supportBundle } from './canary/places';
import { watchProcesses } from './canary/processes';
import { installationSecrets, watchSecrets } from './canary/secrets';
import { runOn } from './support/image-tools';
import type { Place, Secret } from './support/secret-search';
import { findSecrets } from './support/secret-search';

/**
 * The promise about secrets: after a provision, one that failed and was cancelled, and a delete, on real hosts, and a
 * rotation of the master key, none stands anywhere that somebody may look at. Then one is planted in each of these places,
 * and found.
 */

jest.setTimeout(600_000);

let holdfast: Holdfast;
const secrets: Secret[] = [];
let seenProcesses: Place[];
/** Events of operations as they came while those ran. */
const live: Promise<string>[] = [];
let rotation: Place;
/** Looks like a secret and may be the name of a cluster. */
const PLANT = `canary-${randomBytes(12).toString('hex')}`;

const follow = (id: string): void => void live.push(eventStream(holdfast, id));
const settle = (id: string) => holdfast.waitFor(id, ({ state }) => isFinal(state));
const hostsOf = async (name: string): Promise<string[]> =>
  (await holdfast.cluster(name)).nodes.flatMap(({ hostId }) => (hostId === null ? [] : [hostId]));

/** psql as it would be if it repeated all that it is told, where that makes roles. */
const BREAK_PSQL = `
for psql in /usr/lib/postgresql/*/bin/psql; do
  mv "$psql" "$psql.real"
  cat >"$psql" <<'END'
#!/bin/sh
told=$(mktemp)
cat >"$told"
if grep -qi 'create role' "$told"; then
  cat "$told" >&2
  echo 'psql does nothing today' >&2
  exit 2
fi
exec "$0.real" "$@" <"$told"
END
  chmod 755 "$psql"
done
exit 0
`;

/** A provision whose SQL fails again and again, until somebody cancels it. */
async function failingProvision(): Promise<void> {
  const operation = await holdfast.order({ name: 'failing', plan: 'sandbox' });
  follow(operation.id);
  await holdfast.waitFor(operation.id, ({ steps }) =>
    steps.some(({ id, state }) => id === 'create-the-hosts' && state === 'succeeded'),
  );
  for (const host of await hostsOf('failing')) await runOn(host, BREAK_PSQL);
  await holdfast.waitFor(operation.id, ({ steps }) =>
    steps.some(({ lastError }) => lastError?.includes('psql') === true),
  );
  await holdfast.api('POST', `/v1/operations/${operation.id}/cancel`);
  expect((await settle(operation.id)).state).toBe('cancelled');
}

async function deletion(name: string): Promise<void> {
  const answer = await holdfast.api('DELETE', `/v1/clusters/${name}`, { confirm: name });
  const { id } = operationSchema.parse(answer.body);
  follow(id);
  await holdfast.succeed(id);
}

async function look(): Promise<Place[]> {
  const logs: Place = { name: 'logs of worker and API', text: holdfast.readLogs(), control: '"level":20' };
  return [
    logs,
    ...(await histories(holdfast, 'kept')),
    ...(await inventory(holdfast, 'kept')),
    ...(await answers(holdfast, 'kept')),
    ...(await errorTexts(holdfast)),
    await supportBundle(holdfast, 'kept'),
    ...(await eventStreams(holdfast, live)),
    await keyCommand(holdfast, 'list', 'in use'),
    rotation,
  ];
}

beforeAll(async () => {
  process.env['HOLDFAST_LOG_LEVEL'] = 'debug';
  holdfast = await startHoldfast();
  const [processes, watch] = [await watchProcesses(), watchSecrets(holdfast)];
  try {
    await work();
  } finally {
    secrets.push(...(await watch.stop()), ...(await installationSecrets(holdfast)));
    seenProcesses = await processes.stop({ argument: 'patroni', environment: 'ETCD_NAME=' });
  }
});

async function work(): Promise<void> {
  const kept = await holdfast.order({ name: 'kept', plan: 'sandbox' });
  const gone = await holdfast.order({ name: 'gone', plan: 'sandbox' });
  for (const { id } of [kept, gone]) follow(id);
  await holdfast.succeed(gone.id);
  await Promise.all([deletion('gone'), failingProvision(), holdfast.succeed(kept.id)]);
  await holdfast.credentials('kept');
  secrets.push(...(await installationSecrets(holdfast)));
  rotation = await keyCommand(holdfast, 'rotate', 'The new key is in use.');
}
afterAll(async () => {
  delete process.env['HOLDFAST_LOG_LEVEL'];
  await holdfast?.stop();
});

test('secrets of all kinds were at work', () => {
  const kinds = new Set(secrets.map(({ name }) => name.replace(/\/(?:pg|gw)-\d$/, '/*')));
  expect([...kinds].sort()).toEqual(
    expect.arrayContaining([
      ...['API token', 'ca', 'certificate/*', 'control key', 'history key', 'master key'],
      ...['role/app', 'role/pgbouncer', 'role/postgres', 'role/replicator', 'role/rewind', 'ssh-host-key/*'],
    ]),
  );
});

test('none stands in a history (decoded too), a log, the inventory, an answer, an error, the metrics, a support bundle, a stream of events or what `key` prints', async () => {
  expect(findSecrets(await look(), secrets)).toEqual([]);
});

test('none stood in the arguments or the environment of any process', () => {
  expect(findSecrets(seenProcesses, secrets)).toEqual([]);
});

test('the endpoint that is there to show a secret shows it: the search finds what there is', async () => {
  const credentials: Place = {
    name: 'credentials',
    text: JSON.stringify(await holdfast.credentials('kept')),
    control: 'kept',
  };
  expect(findSecrets([{ ...credentials, control: 'password' }], secrets)).toContain('role/app in credentials');
});

test('one that is planted is found in every place', async () => {
  const planted: Secret = { name: 'plant', text: PLANT };
  expect(findSecrets([...(await look()), ...seenProcesses], [planted])).toEqual([]);

  const { id } = await holdfast.cluster('kept');
  const dataConverter = { payloadCodecs: [holdfast.fleet.codec] };
  const encrypting = new Client({ connection: holdfast.temporal.connection, dataConverter });
  await encrypting.workflow.getHandle(`cluster/${id}`).signal('planted', PLANT);
  const onlyDecoded = await histories(holdfast, 'kept');
  expect(findSecrets(onlyDecoded, [planted])).toEqual(['plant in histories decoded']);

  await holdfast.temporal.workflow.getHandle(`cluster/${id}`).signal('planted', PLANT);
  appendFileSync(holdfast.home.path('logs', 'worker.log'), `${PLANT}\n`);
  await holdfast.database.query(`update steps set last_error = $1 where last_error is not null`, [`psql ${PLANT}`]);
  await holdfast.database.query(
    `update operation_events set body = body || jsonb_build_object('progress', $1::text) where type = 'step'`,
    [PLANT],
  );
  await holdfast.database.query('insert into master_keys (id, current) values ($1, false)', [PLANT]);
  const [host = ''] = await hostsOf('kept');
  const processes = await watchProcesses();
  await runOn(host, `PLANTED=${PLANT} sh -c 'sleep 5; true' ${PLANT}\n`);
  const watched = await processes.stop({ argument: 'patroni', environment: 'ETCD_NAME=' });
  const found = findSecrets([...(await look()), ...watched], [planted]);
  expect(found.sort()).toEqual(
    [
      ...['logs of worker and API', 'histories as Temporal keeps them', 'histories decoded', 'dump of the inventory'],
      ...['columns of the inventory', 'answers of the API', 'error texts', 'support bundle'],
      ...['arguments of processes', 'environments of processes', 'event streams', 'key list'],
    ]
      .map((place) => `plant in ${place}`)
      .sort(),
  );
});

test('a rotation that fails shows what is planted in the name of a key', async () => {
  await holdfast.database.query('update master_keys set current = id = $1', [PLANT]);
  const failed = await keyCommand(holdfast, 'rotate', 'key file of this installation does not hold');
  expect(findSecrets([failed], [{ name: 'plant', text: PLANT }])).toEqual(['plant in key rotate']);
});

test('none stands in what a benchmark prints and writes, nor one of the tokens that it makes; one that it is told is found', async () => {
  const bench = await engineBench(holdfast, '"tookMs"');
  expect(findSecrets([bench], [...secrets, { name: 'a token', text: 'hft_' }])).toEqual([]);
  const told = await engineBench(holdfast, 'Unknown option', [`--${PLANT}`]);
  expect(findSecrets([told], [{ name: 'plant', text: PLANT }])).toEqual(['plant in output of a benchmark']);
});
