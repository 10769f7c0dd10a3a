/** A node that the watch looks at, by what its command prints. */
export interface SaidNode {
  role: 'primary' | 'standby' | null;
  /** Thousandths of its volume. */
  used: number;
  refuses: boolean;
  acts: readonly { at: string; act: string; detail: string }[];
  /** Of a gateway. */
  deaf: readonly string[];
  answers: boolean;
  /** It took the connection, and says nothing. */
  hangs: boolean;
  /** In the place of all that it would say. */
  babble: string | null;
  certificateEndsAt: Date;
}

/** What the primary says of the others. */
interface SaidCluster {
  /** Names of those that stream, with what they lag. */
  readonly standbys: Readonly<Record<string, number>>;
  /** Names of those whose etcd answers. */
  readonly members: readonly string[];
  readonly leader: string;
}

export const DATA = ['pg-1', 'pg-2', 'pg-3'] as const;
export const GATEWAYS = ['gw-1', 'gw-2'] as const;

/** A standby, or a gateway, with which nothing is wrong. */
export const wellNode = (): SaidNode => ({
  ...{ role: 'standby', used: 300, refuses: false, acts: [], deaf: [], answers: true, hangs: false, babble: null },
  certificateEndsAt: new Date(Date.now() + 200 * 86_400_000),
});

/** What the command of the watch prints there. */
export function print(node: SaidNode, command: string, { standbys, members, leader }: SaidCluster): string {
  if (node.babble !== null) return node.babble;
  const certificate = /\/tls( |$)/.test(command) ? `notAfter=${node.certificateEndsAt.toUTCString()}\n` : '';
  if (command.includes('pg_isready')) return node.deaf.map((port) => `deaf ${port}\n`).join('') + certificate;
  const streaming = Object.entries(standbys).map(([name, lagBytes]) => ({ name, lagBytes }));
  const isPrimary = node.role === 'primary';
  return [
    `volume 1000 ${1000 - node.used}\n`,
    node.refuses ? 'refuses\n' : '',
    node.role === null ? '' : `postgres ${JSON.stringify({ isPrimary, standbys: isPrimary ? streaming : [] })}\n`,
    isPrimary ? DATA.map((name, i) => (members.includes(name) ? memberLines(i, leader) : '')).join('') : '',
    ...node.acts.map((act) => `act ${JSON.stringify(act)}\n`),
    certificate,
  ].join('');
}

const memberLines = (i: number, leader: string): string =>
  [
    `"MemberID" : ${i + 10}`,
    `"Leader" : ${DATA.findIndex((name) => name === leader) + 10}`,
    `"Endpoint" : "https://10.0.0.${i + 1}:2379"`,
  ]
    .map((line) => `etcd ${line}\n`)
    .join('');
