import { BACKUPS_OUTLIVE_DAYS } from '../../domain/backups';
import type { Cluster, ClusterNode } from '../../domain/clusters';
import type { OperationSummary } from '../../domain/operations';
import { findPlan, GATEWAY_SIZE, type Plan } from '../../domain/plans';
import type { PreviewAnswer } from '../../domain/schemas/previews';
import { policyInWords } from '../../domain/backup-words';
import { formatStorageSize } from '../../domain/storage-size';
import { allNodes, type NodePlan } from '../../domain/topology';
import type { ClusterSpec } from '../../domain/clusters';
import { type Image } from './order';
import { previewSteps } from './preview-steps';
import { topologyOf } from './submit';

/** What an operation would do, from the same rules and the same runbook by which it would do it. */

/** Goals of the benchmark (README), on two cores. */
export const ESTIMATED_SECONDS = { provision: { single: 8, ha: 20 }, delete: { single: 5, ha: 8 } } as const;

type Check = PreviewAnswer['checks'][number];
type Change = PreviewAnswer['changes'][number];

export const check = (id: string, passed: boolean, message: string, fix: string): Check =>
  passed ? { id, status: 'passed', message, fix: null } : { id, status: 'failed', message, fix };

/** @param working the operation that is in the way, if any. */
export const busyCheck = ({ name }: Pick<Cluster, 'name'>, working: OperationSummary | undefined): Check =>
  check(
    'not-busy',
    !working,
    working ? `operation ${working.id} works on ${name}` : `no operation works on ${name}`,
    'wait until the operation ends',
  );

/** Of what is done with a cluster that serves. */
export const readinessChecks = (cluster: Cluster, working: OperationSummary | undefined): Check[] => {
  const { name, status } = cluster;
  const fix = status.state === 'stopped' ? `start it first: POST /v1/clusters/${name}/start` : 'wait until it is ready';
  return [
    check('cluster-ready', status.state === 'ready', `cluster ${name} is ${status.state}`, fix),
    busyCheck(cluster, working),
  ];
};

/** @param namesake the cluster that has the wanted name already, if any. */
export function previewOfCreate(
  name: string,
  spec: ClusterSpec,
  image: Image,
  namesake: Cluster | null,
): PreviewAnswer {
  const topology = topologyOf(spec);
  const plan = findPlan(spec.plan);
  const minor = image.catalogue.postgresql[spec.version];
  const what = `PostgreSQL ${minor}, database ${spec.database} owned by ${spec.owner}`;
  return {
    kind: 'provision',
    changes: changesOfCreate(name, spec, what),
    impact: 'none',
    checks: [
      nameCheck(name, namesake),
      check(
        'plan-exists',
        plan !== undefined,
        `plan ${spec.plan}: ${plan?.summary ?? 'unknown'}`,
        'choose another plan',
      ),
      check('image-has-version', true, `the golden image has PostgreSQL ${minor}`, 'choose another version'),
    ],
    steps: previewSteps('provision', spec),
    estimatedSeconds: ESTIMATED_SECONDS.provision[topology],
    price: priceOf(spec),
  };
}

/** @param detail of the cluster. */
export function changesOfCreate(name: string, spec: ClusterSpec, detail: string): Change[] {
  const plan = findPlan(spec.plan);
  const { backups, allowedIps } = spec;
  return [
    { action: 'create', what: `cluster ${name}`, detail },
    ...allNodes(topologyOf(spec)).map((node) => nodeChange(node, spec, plan)),
    {
      action: 'create',
      what: 'network',
      detail: `of its own; open to ${allowedIps.join(', ') || 'the machine of the control plane only'}`,
    },
    ...(backups === null ? [] : [{ action: 'create' as const, what: 'backups', detail: policyInWords(backups) }]),
  ];
}

/** Of a database that is restored, perhaps in the place of another one. */
export const impactOfReplacing = (restored: {
  readonly database: string;
  readonly replace: boolean;
}): Pick<PreviewAnswer, 'impact' | 'loss'> =>
  restored.replace
    ? { impact: 'data loss', loss: `the database ${restored.database} that is there now, if there is one` }
    : { impact: 'none' };

export const nameCheck = (name: string, namesake: Cluster | null): Check =>
  check(
    'name-free',
    namesake === null,
    namesake === null ? `the name ${name} is free` : `there is a cluster named ${name}`,
    'choose another name',
  );

export function priceOf({ plan: name }: Pick<ClusterSpec, 'plan'>): PreviewAnswer['price'] {
  const plan = findPlan(name);
  return plan === undefined ? null : { euroCentsPerMonth: plan.priceEuroCentsPerMonth };
}

function nodeChange(node: NodePlan, spec: ClusterSpec, plan: Plan | undefined): Change {
  const size = node.role === 'gateway' ? GATEWAY_SIZE : { memoryBytes: plan?.memoryBytes ?? 0, cpus: plan?.cpus ?? 0 };
  const volume = node.role === 'data' ? `, ${formatStorageSize(spec.storageBytes)} of storage` : '';
  return {
    action: 'create',
    what: `host ${node.name}`,
    detail: `${size.cpus} CPU, ${formatStorageSize(size.memoryBytes)} of memory${volume}`,
  };
}

/** @param working the operation that is in the way, if any; a backup is not. */
export function previewOfDelete(
  cluster: Cluster,
  nodes: readonly ClusterNode[],
  working: OperationSummary | undefined,
): PreviewAnswer {
  const topology = topologyOf(cluster.spec);
  return {
    kind: 'delete',
    changes: [
      ...nodes.map((node): Change => ({
        action: 'delete',
        what: `host ${node.name}`,
        detail: node.role === 'data' ? 'with its volume and the data on it' : 'gateway',
      })),
      {
        action: 'delete',
        what: `cluster ${cluster.name}`,
        detail: 'with its network, credentials and certificates; its endpoint answers no more',
      },
      ...(cluster.spec.backups === null
        ? []
        : [
            {
              action: 'delete' as const,
              what: 'backups',
              detail: `in ${BACKUPS_OUTLIVE_DAYS} days: until then they can be restored`,
            },
          ]),
    ],
    impact: 'data loss',
    loss: `all data of ${cluster.name}${
      cluster.spec.backups === null
        ? ': it has no backups'
        : `; its backups are kept for ${BACKUPS_OUTLIVE_DAYS} days, until then it can come back`
    }`,
    checks: checksOfDelete(cluster, working),
    steps: previewSteps('delete', cluster.spec),
    estimatedSeconds: ESTIMATED_SECONDS.delete[topology],
    price: null,
  };
}

function checksOfDelete({ name, spec }: Cluster, working: OperationSummary | undefined): Check[] {
  const open = !spec.deletionProtection;
  return [
    check(
      'deletion-unprotected',
      open,
      open ? 'deletion protection is off' : 'deletion protection is on',
      `PATCH ${`/v1/clusters/${name}`} {"deletionProtection": false}`,
    ),
    check(
      'not-busy',
      !working,
      working ? `operation ${working.id} works on it` : 'no operation works on it',
      'wait until the operation ends, or cancel it',
    ),
  ];
}
