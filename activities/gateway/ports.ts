/** Ports of a gateway that users connect to. */
export const GATEWAY_PORTS = { primary: 5432, replica: 5433, pooled: 6432 } as const;

/** Where PgBouncer listens on the gateway itself, behind HAProxy, which holds the allowed IPs on every port. */
export const PGBOUNCER_LOCAL_PORT = 6433;
