import type { Major } from '../../domain/clusters';

/** Where PostgreSQL is on every data node. */

export const DATA_FOLDER = '/var/lib/postgresql';
export const SOCKET_FOLDER = '/var/run/postgresql';

export const binariesOf = (major: Major): string => `/usr/lib/postgresql/${major}/bin`;
export const dataDirectory = (major: Major): string => `${DATA_FOLDER}/${major}/main`;
