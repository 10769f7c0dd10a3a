import type { Cluster } from '../../domain/clusters';
import type { ClusterView, Fleet, ReachableNode } from '../fleet';
import { secretRef } from '../fleet';
import type { HostFile } from '../host/host';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';
import type { KeyPair } from './certificates';
import { createAuthority, issueCertificate } from './certificates';
import { parseKeyPair, SECRET_NAMES } from './stored-secrets';

const AUTHORITY_DAYS = 3650;
const NODE_DAYS = 397;

/** The cluster's certificate authority, made once. Its private key never leaves the control plane. */
export async function ensureAuthority(fleet: Fleet, cluster: Cluster): Promise<KeyPair> {
  const make = async (): Promise<string> =>
    JSON.stringify(await createAuthority(`Holdfast cluster ${cluster.name}`, AUTHORITY_DAYS));
  return parseKeyPair(await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.authority), make));
}

/** The CA's certificate and, for each service that runs as `owner`, the node's certificate and key. */
export async function tlsFiles(
  fleet: Fleet,
  view: ClusterView,
  node: ReachableNode,
  services: Readonly<Record<string, string>>,
): Promise<HostFile[]> {
  const [authority, pair] = await Promise.all([
    ensureAuthority(fleet, view.cluster),
    ensureCertificate(fleet, view, node),
  ]);
  return [
    { path: CA_FILE, content: authority.certificatePem, mode: 0o644, owner: 'root:root' },
    ...Object.entries(services).flatMap(([service, owner]) => [
      { path: certificateFile(service), content: pair.certificatePem, mode: 0o644, owner: 'root:root' },
      { path: keyFile(service), content: pair.privateKeyPem, mode: 0o600, owner },
    ]),
  ];
}

async function ensureCertificate(fleet: Fleet, view: ClusterView, node: ReachableNode): Promise<KeyPair> {
  const { cluster } = view;
  const make = async (): Promise<string> =>
    JSON.stringify(
      await issueCertificate(await ensureAuthority(fleet, cluster), {
        commonName: `${node.name}.${cluster.name}`,
        dnsNames: [node.name, `${node.name}.${cluster.name}`, 'localhost'],
        ipAddresses: [...new Set([node.privateAddress, '127.0.0.1', ...endpointHosts(view)])],
        days: NODE_DAYS,
      }),
    );
  return parseKeyPair(await fleet.secrets.ensure(secretRef(cluster, SECRET_NAMES.certificate(node.name)), make));
}

/** Addresses that users connect to: PostgreSQL answers behind them, so its certificate must name them. */
function endpointHosts({ network, nodes }: ClusterView): string[] {
  const published = nodes.flatMap((node) => Object.values(node.publicPorts).map((address) => address.host));
  return network?.floatingAddress ? [network.floatingAddress, ...published] : published;
}
