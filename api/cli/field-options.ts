import { fieldAndEntry, placeInWords } from '../../domain/json-pointer';
import type { FieldError } from '../../domain/schemas/problems';

/** Where on the command line each field of a request is given. A test holds that none is missing. */
export const OPTION_OF: Readonly<Record<string, string>> = {
  name: '<name>',
  plan: '--plan',
  version: '--version',
  storage: '--storage',
  database: '--database',
  owner: '--owner',
  allowedIps: '--allow-ip',
  deletionProtection: '--protect',
  confirm: '--confirm',
  scopes: '--scope',
  expiresInDays: '--days',
  cluster: '--cluster',
  limit: '--limit',
  cloud: '--cloud',
  address: '--address',
  port: '--port',
  user: '--user',
  hostKey: '--host-key',
  zone: '--zone',
  memory: '--memory',
  cpus: '--cpus',
};

/** `--allow-ip (number 2)`: what the reader typed, rather than a pointer into what was sent. */
export function optionOf({ in: where, pointer }: Pick<FieldError, 'in' | 'pointer'>): string {
  const { field, entry } = fieldAndEntry(pointer);
  const option = where === 'path' ? `<${field}>` : (OPTION_OF[field] ?? (placeInWords(pointer) || 'the request'));
  return entry === null || entry === 0 ? option : `${option} (number ${entry + 1})`;
}
