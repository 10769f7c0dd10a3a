import type { Major } from '../../domain/clusters';
import type { OperationId } from '../../domain/ids';
import { binariesOf, DATA_FOLDER, dataDirectory } from '../postgres/paths';

/** Where a data node has what takes the place of its data, and what it keeps of the old: on the same volume, so that a swap renames. */

/** Of PostgreSQL beside the old data, to which replicas connect for their copy. */
export const ASIDE_PORT = 5434;

export interface Places {
  readonly binaries: string;
  /** The data of the cluster. */
  readonly main: string;
  /** All that one operation puts beside it. */
  readonly folder: string;
  readonly data: string;
  readonly socket: string;
  readonly hba: string;
  readonly passfile: string;
  /** What the operation keeps of the old data. */
  readonly kept: string;
}

export function placesOf(version: Major, operation: OperationId): Places {
  const folder = `${DATA_FOLDER}/aside-${operation}`;
  return {
    binaries: binariesOf(version),
    main: dataDirectory(version),
    folder,
    data: `${folder}/data`,
    socket: `${folder}/socket`,
    hba: `${folder}/hba.conf`,
    passfile: `${folder}/pgpass`,
    kept: keptFolder(operation),
  };
}

export const keptFolder = (operation: OperationId): string => `${DATA_FOLDER}/kept-${operation}`;
export const keptData = (operation: OperationId): string => `${keptFolder(operation)}/data`;
