import type { Client } from '../client';
import { ApiError } from '../client';
import type { Finding } from './finding';
import { fine, wrong } from './finding';
import { toType } from '../called-as';

/** What the API tells of a project: whether the token works, and what stands still. */

export async function examineProject(client: Client): Promise<Finding[]> {
  const token = await examineToken(client);
  if (!token.ok) return [token];
  return [
    token,
    ...(await Promise.all([examineImage(client), examineOperations(client), examineClusters(client)])),
    ...(await examineSites(client)),
  ];
}

async function examineToken(client: Client): Promise<Finding> {
  try {
    await client.listPlans();
    return fine('token', 'The API takes it.');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return wrong(
      'token',
      error.message,
      `Use the one in .holdfast/token, or make another: ${toType('token create --help')}.`,
    );
  }
}

async function examineImage(client: Client): Promise<Finding> {
  try {
    const { image } = await client.listVersions();
    return fine('golden image', `Built ${image.builtAt.slice(0, 10)}, Debian ${image.debian}.`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return wrong('golden image', error.message, 'Run npm start: it builds the image and records it.');
  }
}

async function examineOperations(client: Client): Promise<Finding> {
  const waiting = await client.listOperations(undefined, 50, 'waiting');
  const first = waiting[0];
  if (!first) return fine('operations', 'None waits for a decision.');
  const others = waiting.length > 1 ? ` and ${waiting.length - 1} more` : '';
  return wrong(
    'operations',
    `${first.kind} of ${first.clusterName}${others}: ${first.reason ?? 'waits'}`,
    `${toType(`ops show ${first.id}`)} tells more; see docs/runbooks/operation-waits.md.`,
  );
}

async function examineClusters(client: Client): Promise<Finding> {
  const clusters = await client.listClusters();
  const failed = clusters.filter(({ status }) => status.state === 'failed');
  if (failed.length > 0) {
    const names = failed.map(({ name }) => name).join(', ');
    return wrong(
      'clusters',
      `Failed: ${names}.`,
      `${toType('ops list --cluster NAME')} shows why; delete and order anew.`,
    );
  }
  return fine('clusters', clusters.length === 0 ? 'There is none yet.' : `None of ${clusters.length} has failed.`);
}

/** A line for each object store that can't be used, or one for all of them. */
async function examineSites(client: Client): Promise<Finding[]> {
  try {
    const sites = await client.listSites();
    const failing = sites.filter(({ ok }) => !ok);
    if (failing.length > 0)
      return failing.map(({ name, message, remedy }) =>
        wrong(`site ${name}`, message, remedy ?? 'See docs/configuration.md.'),
      );
    if (sites.length === 0) return [fine('sites', 'There is none: no backups are taken. See docs/configuration.md.')];
    return [fine('sites', `All of ${sites.length} can be used.`)];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [wrong('sites', error.message, 'Start a worker: see docs/runbooks/worker-away.md.')];
  }
}
