/** What an API token may do. `credentials` is apart, because it shows passwords. */
export const SCOPES = ['clusters:read', 'clusters:write', 'credentials:read', 'tokens:write'] as const;
export type Scope = (typeof SCOPES)[number];
