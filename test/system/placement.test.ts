import Docker from 'dockerode';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { createCloudActivities } from '../../activities/cloud/activities';
import { createDockerCloud } from '../../activities/cloud/docker';
import { removeEverything } from '../../activities/cloud/docker/installation';
import type { Condition, StepRef } from '../../domain/clusters';
import type { NodeRole } from '../../domain/topology';
import { parseSettings } from '../../domain/schemas/settings';
import { openFleet } from '../../workers/fleet';
import type { OpenFleet } from '../../workers/fleet';
import { newProvision, openScratchInventory } from '../support/inventory';
import type { ScratchInventory } from '../support/inventory';
import { goldenImage } from './support/engine';

/** Where a cluster's nodes are placed, and what is said when the cloud has too few failure domains for them. */

const docker = new Docker();
const home = mkdtempSync(join(tmpdir(), 'holdfast-'));
const installId = `test${randomBytes(6).toString('hex')}`;
const options = { docker, installId, home, reach: 'direct', image: goldenImage } as const;
let opened: ScratchInventory;
let fleet: OpenFleet;

beforeAll(async () => {
  opened = await openScratchInventory();
  const settings = parseSettings({
    HOLDFAST_HOME: home,
    HOLDFAST_INSTALL_ID: installId,
    DATABASE_URL: opened.scratch.url,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  });
  fleet = await openFleet(settings, pino({ level: 'silent' }));
});
afterAll(async () => {
  await removeEverything(options);
  await fleet.close();
  await opened.close();
  rmSync(home, { recursive: true });
});

/** A cluster of three data nodes that was ordered, and has its place in a cloud of those failure domains. */
async function placeIn(failureDomains: readonly string[]): Promise<StepRef> {
  const { ref } = await newProvision(opened);
  await place(ref, failureDomains);
  return ref;
}

async function place(ref: StepRef, failureDomains: readonly string[]): Promise<void> {
  const clouds = { ...fleet.clouds, docker: createDockerCloud({ ...options, failureDomains }) };
  await createCloudActivities({ ...fleet, clouds }).placeNodes(ref);
}

async function spread({ clusterId }: StepRef): Promise<Condition | undefined> {
  const cluster = await opened.inventory.clusters.get(clusterId);
  return cluster?.status.conditions.find(({ type }) => type === 'FailureDomainsSeparate');
}

async function domainsOf({ clusterId }: StepRef, role: NodeRole): Promise<string[]> {
  const nodes = await opened.inventory.nodes.list(clusterId);
  return nodes.filter((node) => node.role === role).map(({ failureDomain }) => failureDomain);
}

test('with a failure domain for each data node, none is shared and no warning stands', async () => {
  const ref = await placeIn(['rack-1', 'rack-2', 'rack-3']);
  expect((await domainsOf(ref, 'data')).sort()).toEqual(['rack-1', 'rack-2', 'rack-3']);
  expect(new Set(await domainsOf(ref, 'gateway')).size).toBe(2);
  expect(await spread(ref)).toMatchObject({ status: true, reason: 'Separate' });
});

test.each([[['rack-1', 'rack-2']], [['rack-1']]])(
  'with fewer failure domains than data nodes (%p) all are used, and a condition warns',
  async (failureDomains) => {
    const ref = await placeIn(failureDomains);
    const domains = await domainsOf(ref, 'data');
    expect(domains).toHaveLength(3);
    expect([...new Set(domains)].sort()).toEqual(failureDomains);
    const warning = await spread(ref);
    expect(warning).toMatchObject({ status: false, reason: 'NotEnoughDomains' });
    expect(warning?.message).toContain(`${failureDomains.length} failure domain(s)`);
  },
);

test('a second try leaves nodes and warning as the first one wrote them, also when the cloud has grown since', async () => {
  const ref = await placeIn(['rack-1', 'rack-2']);
  const nodes = await opened.inventory.nodes.list(ref.clusterId);
  const warning = await spread(ref);
  await place(ref, ['rack-1', 'rack-2']);
  expect(await spread(ref)).toEqual(warning);
  await place(ref, ['rack-1', 'rack-2', 'rack-3']);
  expect(await opened.inventory.nodes.list(ref.clusterId)).toEqual(nodes);
  expect(await spread(ref)).toMatchObject({ status: false, reason: 'NotEnoughDomains', since: warning?.since });
});
