/** Ports of a gateway that users connect to. */
export const GATEWAY_PORTS = { primary: 5432, replica: 5433, pooled: 6432 } as const;

/** Where PgBouncer listens on the gateway itself, behind HAProxy, which holds the allowed IPs on every port. */
export const PGBOUNCER_LOCAL_PORT = 6433;

/** Where HAProxy leads PgBouncer to the primary on a machine whose port 5432 belongs to PostgreSQL itself. */
export const PRIMARY_LOCAL_PORT = 6434;
