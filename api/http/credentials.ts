import type { z } from 'zod';
import { parseCertificate, SECRET_NAMES } from '../../activities/secrets/stored-secrets';
import type { Cluster, Endpoint, EndpointAddress } from '../../domain/clusters';
import { HoldfastError } from '../../domain/errors';
import { credentialsSchema } from '../../domain/schemas/credentials';
import { clusterParams } from './clusters';
import type { ApiDeps } from './deps';
import { findLiveCluster } from './find';
import { reply, route, type Route } from './route';

export function credentialRoutes(deps: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/clusters/{cluster}/credentials',
      operationId: 'showCredentials',
      summary: 'How to connect: password, CA certificate and ready-made URIs',
      description: 'Each look is written to the audit log.',
      tag: 'Clusters',
      scope: 'credentials:read',
      params: clusterParams,
      answers: { 200: { description: 'The credentials.', schema: credentialsSchema } },
      errors: ['NOT_FOUND', 'CLUSTER_NOT_READY'],
      async handle({ params, caller }) {
        const cluster = await findLiveCluster(deps.inventory, caller, params.cluster);
        const { endpoint } = cluster.status;
        if (endpoint === null)
          throw new HoldfastError('CLUSTER_NOT_READY', { name: cluster.name, state: cluster.status.state });
        await deps.inventory.audit({
          actor: caller.tokenName,
          action: 'read credentials',
          subject: cluster.id,
          details: { project: cluster.projectId, token: caller.tokenId },
        });
        return reply(200, await readCredentials(deps, cluster, endpoint));
      },
    }),
  ];
}

async function readCredentials(
  { secrets }: Pick<ApiDeps, 'secrets'>,
  cluster: Cluster,
  endpoint: Endpoint,
): Promise<z.input<typeof credentialsSchema>> {
  const { id: clusterId, projectId } = cluster;
  const { owner: username, database } = cluster.spec;
  const [password, ca] = await Promise.all([
    secrets.read({ projectId, clusterId, name: SECRET_NAMES.role(username) }),
    secrets.read({ projectId, clusterId, name: SECRET_NAMES.authority }),
  ]);
  const caCertificate = parseCertificate(ca);
  const uri = (port: (address: EndpointAddress) => number): string =>
    connectionUri({ username, password, database }, endpoint, port);
  return {
    username,
    password,
    database,
    caCertificate,
    endpoint,
    uris: { primary: uri((a) => a.primaryPort), replica: uri((a) => a.replicaPort), pooled: uri((a) => a.pooledPort) },
  };
}

/** A libpq URI; with several addresses, libpq tries one after the other. */
export function connectionUri(
  { username, password, database }: { username: string; password: string; database: string },
  { addresses }: Endpoint,
  port: (address: EndpointAddress) => number,
): string {
  const hosts = addresses.map(
    (address) => `${address.host.includes(':') ? `[${address.host}]` : address.host}:${port(address)}`,
  );
  return `postgresql://${encodeURIComponent(username)}:${encodeURIComponent(password)}@${hosts.join(',')}/${encodeURIComponent(database)}?sslmode=verify-full`;
}
