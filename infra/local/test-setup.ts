import { mkdirSync, rmSync } from 'node:fs';
import { sep } from 'node:path';
import { listInstallations } from '../../activities/cloud/docker/installation';
import { ownerLabels } from '../../activities/cloud/docker/names';
import { removeAbandoned } from './abandoned';
import { removeInstallation } from './clusters';
import type { Engine } from './engine';
import { findEngine, startedByHoldfast, stopOwnEngine } from './engine';
import { rememberEngine } from './home-engines';
import { makeImage } from './image';
import { otherInstallations, register, unregister } from './installations';
import { inventoryName } from './inventory';
import { makePassword, runServer, serverUrlWith } from './inventory-server';
import { choosePort } from './ports';
import { findSchemathesis } from './schemathesis';
import type { Session } from './session';
import { findTemporal } from './temporal-binary';
import { findVersitygw } from './versitygw-binary';

/**
 * Sets up what tests of workflows and of real hosts need, and tells them in the environment: DOCKER_HOST,
 * HOLDFAST_IMAGE, HOLDFAST_TEMPORAL_BINARY, HOLDFAST_VERSITYGW_BINARY, HOLDFAST_SCHEMATHESIS_PYTHON, HOLDFAST_TEST_DATABASE_URL,
 * HOLDFAST_TEST_OWNS_ENGINE (`yes` where a test may restart the engine), TMPDIR.
 */
export async function setUpTests(session: Session): Promise<void> {
  const { progress, signal } = session;
  register(session.home);
  session.atEnd('forget the test installation', () => Promise.resolve(unregister(session.home.installId)));
  await session.together(
    async () => {
      const binary = await progress.step('Temporal', (report) => findTemporal(signal, report));
      process.env['HOLDFAST_TEMPORAL_BINARY'] = binary;
    },
    async () => {
      const binary = await progress.step('versitygw', (report) => findVersitygw(signal, report));
      process.env['HOLDFAST_VERSITYGW_BINARY'] = binary;
    },
    async () => {
      const python = await progress.step('Schemathesis', (report) => findSchemathesis(signal, report));
      process.env['HOLDFAST_SCHEMATHESIS_PYTHON'] = python;
    },
    () => setUpHosts(session),
  );
}

async function setUpHosts(session: Session): Promise<void> {
  const { progress, signal } = session;
  const engine = await progress.step('Docker engine', (report) => findEngine({ report, signal }));
  rememberEngine(session.home, engine.host);
  session.atEnd('Docker engine of the tests', () => leaveEngine(session, engine));
  await removeAbandoned(session, engine);
  await removeRemains(session, engine);
  const image = await progress.step('golden image', (report) => makeImage(session, engine, report));
  process.env['HOLDFAST_IMAGE'] = image.tag;
  if (isOurs(session, engine)) process.env['HOLDFAST_TEST_OWNS_ENGINE'] = 'yes';
  session.atEnd('remove what the tests made', () => removeRemains(session, engine));
  await progress.step('database for tests', () => startTestDatabase(session, engine, image.tag));
}

async function startTestDatabase({ home, signal }: Session, { docker }: Engine, image: string): Promise<void> {
  const name = inventoryName(home.installId);
  const port = await choosePort(home, 'inventory');
  const password = makePassword();
  const labels = ownerLabels({ installId: home.installId, home: home.folder });
  await runServer(docker, { name, labels, image, port, password, durable: false }, signal);
  // Known to this run only, and worth nothing after it: tests that start programs can hand it on as it is.
  process.env['HOLDFAST_TEST_DATABASE_URL'] = serverUrlWith(password, port);
}

/**
 * What this run or one that was killed left: tests make their homes in the folder of temporary files, which lies in
 * ours, so that all that they made can be told from what others have on the engine.
 */
async function removeRemains({ home }: Session, engine: Engine): Promise<void> {
  const installations = await listInstallations(engine.docker);
  const ours = installations.filter(({ home: other }) => other === home.folder || other.startsWith(home.folder + sep));
  for (const installation of ours) await removeInstallation(engine, installation);
  const temporary = home.path('tmp');
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  process.env['TMPDIR'] = temporary;
}

/** Started by this run, and nobody else has come to use it. */
const isOurs = ({ home }: Session, engine: Engine): boolean =>
  engine.startedHere && startedByHoldfast(engine) && otherInstallations(home.installId).length === 0;

async function leaveEngine(session: Session, engine: Engine): Promise<void> {
  if (!isOurs(session, engine)) return;
  if ((await engine.docker.listContainers()).length === 0) await stopOwnEngine(engine);
}
