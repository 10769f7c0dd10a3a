import { types } from 'node:util';
import { DatabaseError } from 'pg';
import { HoldfastError } from '../../domain/errors';

/** The one place where errors of PostgreSQL and of its driver become errors of the catalogue. */

/** What a statement was about, for the sentence of the error. */
export interface Circumstance {
  /** Name of the cluster that is being created. */
  readonly clusterName?: string;
}

/** SQLSTATEs that a later try cures: the server stops, starts, is full, or chose this transaction as a victim. */
const TRANSIENT = new Set(['40001', '40P01', '53300', '57P01', '57P02', '57P03', '25006', '57014', '55P03']);
const CONNECTION_CLASS = '08';

/**
 * NAME_TAKEN and CLUSTER_BUSY for the constraints that guard them; UNAVAILABLE for what happened to the connection.
 * Anything else comes back as it was: a defect, for the log.
 */
export function translate(error: unknown, circumstance: Circumstance = {}): unknown {
  if (error instanceof DatabaseError) return translateSqlState(error, circumstance);
  // The driver tells of a lost connection by plain Errors, partly without any code. Defects of ours are TypeErrors and
  // the like, and errors of the catalogue are as they should be already.
  if (types.isNativeError(error) && (error.name === 'Error' || error.name === 'AggregateError'))
    return unavailable(error);
  return error;
}

/** True when a secret was to be written under a master key that a rotation has just taken out of use. */
export function isKeyRetired(error: unknown): boolean {
  return (
    error instanceof DatabaseError && ['secrets_master_key', 'history_keys_master_key'].includes(error.constraint ?? '')
  );
}

/** Constraints of machines and floating addresses. What was taken stands in PostgreSQL's detail: `Key (…)=(…) already exists.` */
const HOST_CONFLICTS: Readonly<Record<string, (error: DatabaseError) => HoldfastError>> = {
  hosts_name_taken: (error) => hostExists('name', error),
  hosts_address_taken: (error) => hostExists('address', error),
  hosts_machine_taken: (error) => hostExists('machine id', error),
  floating_addresses_taken: (error) =>
    new HoldfastError('ADDRESS_EXISTS', { address: takenValue(error) }, { cause: error }),
};

const hostExists = (what: string, error: DatabaseError): HoldfastError =>
  new HoldfastError('HOST_EXISTS', { what, value: takenValue(error) }, { cause: error });

/** Without the project, which a name is unique in. */
const takenValue = (error: DatabaseError): string =>
  (/=\((?:prj_[0-9a-z]+, )?(.*)\) already exists/.exec(error.detail ?? '')?.[1] ?? '').replace(', ', ':');

const unavailable = (cause: Error): HoldfastError =>
  new HoldfastError('UNAVAILABLE', { part: 'The inventory' }, { cause });

function translateSqlState(error: DatabaseError, circumstance: Circumstance): unknown {
  if (error.constraint === 'clusters_name_taken') {
    return new HoldfastError('NAME_TAKEN', { name: circumstance.clusterName ?? '' }, { cause: error });
  }
  const conflict = HOST_CONFLICTS[error.constraint ?? ''];
  if (conflict) return conflict(error);
  // Out of reach as long as submissions lock the cluster first; the index holds even if one forgets to.
  if (error.constraint === 'operations_one_per_lane') {
    return new HoldfastError('CLUSTER_BUSY', { operation: 'of another request' }, { cause: error });
  }
  const code = error.code ?? '';
  return TRANSIENT.has(code) || code.startsWith(CONNECTION_CLASS) ? unavailable(error) : error;
}
