/**
 * The one catalogue of error codes: API problems and Temporal failure types alike.
 * Each has a page in docs/errors/ of the same name (a test holds this).
 */

export interface ErrorEntry {
  /** HTTP status when the API answers with it. */
  readonly status: number;
  readonly title: string;
  /** Sentence with `{placeholders}`; says what is wrong and the remedy. */
  readonly template: string;
  /** True when the same request or step may succeed later without any change. */
  readonly retryable: boolean;
}

const entry = (status: number, title: string, template: string, retryable = false): ErrorEntry => ({
  status,
  title,
  template,
  retryable,
});

export const ERRORS = {
  MALFORMED_REQUEST: entry(400, 'Malformed request', 'This is no request that the API can read: {detail}.'),
  INVALID_JSON: entry(400, 'Invalid JSON', 'The body is not valid JSON: {detail}. Send a JSON object.'),
  VALIDATION_FAILED: entry(400, 'Validation failed', '{problems}. Nothing was done.'),
  CONFIRMATION_MISMATCH: entry(
    400,
    'Confirmation does not match',
    '`confirm` must be the name of the cluster, {name}, because this deletes or replaces its data. Nothing was done.',
  ),
  UNAUTHENTICATED: entry(
    401,
    'Unauthenticated',
    'Send a valid API token as `Authorization: Bearer …`; `npm start` keeps the first one in .holdfast/token.',
  ),
  FORBIDDEN: entry(403, 'Forbidden', 'This token lacks the scope {scope}.'),
  NOT_FOUND: entry(404, 'Not found', 'There is no {kind} {ref} here{since?}.'),
  METHOD_NOT_ALLOWED: entry(405, 'Method not allowed', '{method} is not allowed here; allowed: {allowed}.'),
  NAME_TAKEN: entry(
    409,
    'Name taken',
    'A cluster named {name} exists in this project; choose another name. Nothing was done.',
  ),
  HOST_EXISTS: entry(409, 'Host registered already', 'A host with the {what} {value} is registered already.'),
  HOST_IN_USE: entry(
    409,
    'Host in use',
    'Host {name} is part of a cluster: delete that first. One that is dead for good can be forgotten: holdfast host remove {name} --force.',
  ),
  HOST_IS_CONTROL_PLANE: entry(
    409,
    'Host is the control plane',
    '{address} is the machine of the control plane itself: register another one.',
  ),
  ADDRESS_EXISTS: entry(409, 'Address registered already', 'The address {address} is registered already.'),
  ADDRESS_IN_USE: entry(409, 'Address in use', 'The address {address} belongs to a cluster: delete that first.'),
  CLUSTER_BUSY: entry(409, 'Cluster busy', 'Operation {operation} works on this cluster; wait until it ends.', true),
  NOT_DELETED: entry(409, 'Not deleted', 'Cluster {name} is {state}: only one that was deleted can be undeleted.'),
  BACKUPS_REMOVED: entry(
    410,
    'Backups removed',
    'Cluster {name} was deleted at {deletedAt}, and its backups were kept for {days} days only: nothing is left to undelete it from.',
  ),
  DELETION_PROTECTED: entry(
    409,
    'Deletion protected',
    'Cluster {name} is protected against deletion (`deletionProtection`): take that away first. Nothing was done.',
  ),
  OPERATION_FINISHED: entry(
    409,
    'Operation finished',
    'Operation {operation} has ended ({state}): nothing is left to {verb}.',
  ),
  NOT_WAITING: entry(
    409,
    'Operation is not waiting',
    'Operation {operation} is {state}: only one that needs attention can be retried.',
  ),
  NO_APPROVAL_WANTED: entry(409, 'No approval wanted', 'Operation {operation} is {state}: it waits for no approval.'),
  DATA_NODES_BACK: entry(
    409,
    'A data node is back',
    'The host of {nodes} of cluster {name} is on again: its data may be there, newer than its backups. Nothing was done.',
  ),
  NODE_BACK: entry(
    409,
    'Node is back',
    '{node} of cluster {name} answers the other nodes again. It was to be replaced because it answered nobody: its host is left as it is, with its data.',
  ),
  POINT_OF_NO_RETURN: entry(
    409,
    'Past the point of no return',
    'Operation {operation} can no longer be cancelled: {reason}.',
  ),
  CLUSTER_NOT_READY: entry(
    409,
    'Cluster not ready',
    'Cluster {name} is {state}; this needs a cluster that is ready.',
    true,
  ),
  CLUSTER_STOPPED: entry(
    409,
    'Cluster stopped',
    'Cluster {name} is stopped: start it first, with `POST /v1/clusters/{name}/start` or `holdfast cluster start {name}`. Nothing was done.',
  ),
  CLUSTER_NOT_STOPPED: entry(409, 'Cluster not stopped', 'Cluster {name} is {state}: only a stopped one starts.'),
  NODE_IS_PRIMARY: entry(
    409,
    'Node is the primary',
    '{node} is the primary of cluster {name}: its data is what the others copy. Switch over first (`holdfast switchover {name}`). Nothing was done.',
  ),
  BACKUPS_NOT_CONFIGURED: entry(
    409,
    'Backups are not configured',
    'Cluster {name} has no backups: no object store was configured when it was ordered, or the order said so. A change of its policy gives it backups.',
  ),
  NO_STANDBY: entry(
    409,
    'No standby',
    'Cluster {name} has one data node, and so no standby to switch over to. Restore it into a new cluster with a plan of three (`holdfast plan list`). Nothing was done.',
  ),
  LAST_DATA_NODE: entry(
    409,
    'Only data node',
    '{node} is the only data node of cluster {name}: without it nothing has the data. Restore the cluster from its backups instead (`holdfast restore`). Nothing was done.',
  ),
  NO_QUORUM_LEFT: entry(
    409,
    'No quorum left',
    'Without {node} no majority of the data nodes of cluster {name} works: {detail}. Wait until they do, then order it again. Nothing was done.',
  ),
  ARCHIVE_MODE_OFF: entry(
    409,
    'PostgreSQL cannot archive',
    'PostgreSQL of cluster {name} runs with archive_mode off, which only a restart changes: an older Holdfast made it without backups.',
  ),
  NOTHING_KEPT: entry(
    409,
    'Nothing is kept',
    'Cluster {name} keeps no data of before a restore in place: it was confirmed, 24 hours have passed, or there was none. A restore to a time before it does the same.',
  ),
  OLD_DATA_KEPT: entry(
    409,
    'Old data is kept',
    'Cluster {name} keeps the data of before its last restore in place until {until}. Roll that restore back, or confirm it, which deletes the old data for good, first. Nothing was done.',
  ),
  PRECONDITION_FAILED: entry(
    412,
    'Precondition failed',
    'If-Match names generation {asked}, the cluster has {actual}; read it again.',
  ),
  BODY_TOO_LARGE: entry(413, 'Body too large', 'The body is larger than {limitBytes} bytes.'),
  UNSUPPORTED_MEDIA_TYPE: entry(415, 'Unsupported media type', 'Send the body as application/json.'),
  IDEMPOTENCY_KEY_REUSED: entry(
    422,
    'Idempotency key reused',
    'This Idempotency-Key was used with another request; use a new one.',
  ),
  RESTORE_POINT_EXISTS: entry(
    409,
    'Restore point exists',
    'The cluster has a restore point {name} already, or is about to make it: choose another name. Nothing was done.',
  ),
  RESTORE_TARGET_OUTSIDE: entry(
    422,
    'Outside of what can be restored',
    '{target} cannot be restored: {window}. Nothing was done.',
  ),
  TOO_MANY_REQUESTS: entry(
    429,
    'Too many requests',
    'More than {limit} requests per minute; retry after {seconds} s.',
    true,
  ),
  INTERNAL: entry(
    500,
    'Internal error',
    'Something unexpected happened; the log has it under request {requestId}.',
    true,
  ),
  UNAVAILABLE: entry(503, 'Unavailable', '{part} is not reachable at the moment; retry in a few seconds.', true),
  HOST_UNREACHABLE: entry(503, 'Host unreachable', 'Host {host} does not answer over SSH: {detail}.', true),
  HOST_LOGIN_REFUSED: entry(
    500,
    'Host refuses the control key',
    'Host {host} does not let {user} in with the control key: append the line that `holdfast host key` prints to authorized_keys of {user} there, then retry.',
  ),
  HOST_KEY_MISMATCH: entry(
    500,
    'Host key mismatch',
    'Host {host} shows another key than the one pinned at its creation; it may not be the same machine.',
  ),
  HOST_COMMAND_FAILED: entry(
    500,
    'Command failed on a host',
    '{title} failed on {host} with exit code {exitCode}: {output}',
    true,
  ),
  HOST_JOB_FAILED: entry(500, 'Host job failed', 'Job {unit} failed on {host} with exit code {exitCode}: {output}'),
  NOT_ENOUGH_SPACE: entry(
    500,
    'Not enough space',
    'The data does not fit beside the old on {host}: it needs {needed}, and {free} are free. Nothing was changed. Free some and retry, or restore into a new cluster with more storage.',
  ),
  BACKUP_FAILED: entry(500, 'Backup failed', 'The backup to site {site} failed: {detail}', true),
  BACKUP_SCRIPT_FAILED: entry(
    500,
    'Backup script failed',
    'No backup was taken: the script before it {end} on {node}. What it wrote stands in the record of backup {backup}.',
  ),
  DRILL_FAILED: entry(500, 'Drill failed', 'Drill {drill} restored the data and found it wrong: {detail}'),
  BACKUP_DAMAGED: entry(
    500,
    'Backup damaged',
    "Pages of the database are damaged: they did not fit their checksums when the backup was taken to {sites}. Older backups are kept; see PostgreSQL's log and the host's disk.",
  ),
  DUMP_FAILED: entry(500, 'Dump failed', 'The dump failed: {detail}', true),
  DUMP_IMPOSSIBLE: entry(500, 'Dump not possible', 'No dump can be taken or restored: {detail}'),
  DUMP_NOT_THERE: entry(409, 'Dump not there', 'Dump {dump} is {state}: only one that has succeeded can be used.'),
  DATABASE_EXISTS: entry(
    409,
    'Database exists',
    'Cluster {cluster} has a database {database} already: give another name as `database`, or set `replace`, which drops it once the other one is restored. Nothing was changed.',
  ),
  SWITCHOVER_FAILED: entry(
    500,
    'Switchover failed',
    'The cluster was not switched over: {detail}. It serves as before.',
  ),
  NODE_RESTART_FAILED: entry(500, 'Restart failed', '{node} was not restarted: {detail}'),
  REINIT_FAILED: entry(500, 'Reinit failed', 'Patroni of {node} does not copy the data anew: {detail}'),
  STOP_FAILED: entry(500, 'Stop failed', 'The cluster was not stopped: {detail}. It serves as before.'),
  RESTORE_FAILED: entry(500, 'Restore failed', 'The data could not be restored on {host}: {detail}'),
  RESTORE_DAMAGED: entry(
    500,
    'Restored data damaged',
    'The data came back on {host}, but is damaged: {detail}. It is not offered to anybody: cancel, and restore from another site or an older backup.',
  ),
  CLOUD_UNAVAILABLE: entry(503, 'Cloud unavailable', 'The cloud {cloud} does not answer: {detail}.', true),
  CLOUD_REFUSED: entry(500, 'Cloud refused', 'The cloud {cloud} refused to {verb}: {detail}.'),
  CLOUD_FULL: entry(
    500,
    'Cloud full',
    'The cloud {cloud} has no room: {detail}. Free some or choose a smaller plan, then retry.',
  ),
  SITE_UNAVAILABLE: entry(503, 'Site unavailable', 'Site {site} could not {verb}: {detail}', true),
  SITE_REFUSED: entry(500, 'Site refused', 'Site {site} refused to {verb}: {detail}'),
  PREFLIGHT_FAILED: entry(
    500,
    'Machines are not ready',
    'Nothing was changed, because the machines are not ready: {problems}',
  ),
  NOT_YET: entry(503, 'Not there yet', '{what}', true),
  RESIDUE_FOUND: entry(500, 'Residue found', 'After the deletion the cloud still has: {resources}.', true),
  SECRET_UNREADABLE: entry(
    500,
    'Secret unreadable',
    'Secret {name} cannot be decrypted with the key of this installation; restore .holdfast/key.',
  ),
  PASSPHRASE_LOST: entry(
    500,
    'Passphrase lost',
    'What opens the backups of lineage {lineage} cannot be read any more: {detail} Put inventory and .holdfast/key back from one backup of the control plane; without one, bring the data back with the escrow file of the cluster.',
  ),
  MASTER_KEY_MISSING: entry(
    500,
    'Master key missing',
    'Secrets are encrypted under master key {key}, which the key file of this installation does not hold; restore .holdfast/key.',
  ),
  KEY_COMMAND_FAILED: entry(
    503,
    'Key command failed',
    'HOLDFAST_KEY_COMMAND could not {verb} a master key: {why}. What it prints is not kept: run it by hand to see it.',
    true,
  ),
  OPERATION_LOST: entry(
    500,
    'Operation lost',
    'The workflow of {operation} was ended from outside. Nothing was undone: deleting the cluster removes what is there.',
  ),
  STALE_GENERATION: entry(
    409,
    'Stale generation',
    'This step belongs to generation {asked} of the cluster, which is now at {actual}: it was overtaken and does nothing.',
  ),
  STEP_DEADLINE_EXCEEDED: entry(
    500,
    'Step deadline exceeded',
    'The step did not finish within its deadline; the last error was: {detail}',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;
