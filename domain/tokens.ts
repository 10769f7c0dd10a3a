/**
 * What an API token may do. `credentials` is apart, because it shows passwords, and `histories`, because Temporal's
 * histories are those of all projects: it is for operators.
 */
export const SCOPES = [
  'clusters:read',
  'clusters:write',
  'credentials:read',
  'histories:read',
  'hosts:read',
  'hosts:write',
  'tokens:write',
] as const;
export type Scope = (typeof SCOPES)[number];
