import { stringify } from 'yaml';
import { SYSTEM_ROLES } from '../patroni/hba';
import { SOCKET_FOLDER } from '../postgres/paths';
import { environmentFile } from '../host/config-text';
import { CA_FILE, certificateFile, keyFile } from '../host/tls-paths';

/** Where the exporters listen by default. */
export const NODE_EXPORTER_PORT = 9100;
export const POSTGRES_EXPORTER_PORT = 9187;

export const WEB_CONFIG_FILE = '/etc/holdfast/exporters.yml';
export const NODE_EXPORTER_FILE = '/etc/default/prometheus-node-exporter';
export const POSTGRES_EXPORTER_FILE = '/etc/default/prometheus-postgres-exporter';

/** Metrics tell much about a tenant: whoever reads them shows a certificate of this cluster's CA. */
export function webConfig(): string {
  return stringify({
    tls_server_config: {
      cert_file: certificateFile('exporters'),
      key_file: keyFile('exporters'),
      client_auth_type: 'RequireAndVerifyClientCert',
      client_ca_file: CA_FILE,
      min_version: 'TLS12',
    },
  });
}

export function nodeExporterEnvironment(): string {
  return environmentFile({ ARGS: `--web.config.file=${WEB_CONFIG_FILE}` });
}

/** Through the socket, by peer authentication: there is no password to keep. */
export function postgresExporterEnvironment(): string {
  return environmentFile({
    DATA_SOURCE_NAME: `user=${SYSTEM_ROLES.monitor} host=${SOCKET_FOLDER} dbname=postgres`,
    ARGS: `--web.config.file=${WEB_CONFIG_FILE}`,
  });
}
