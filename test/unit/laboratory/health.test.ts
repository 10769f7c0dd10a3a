import type { ClusterDetailAnswer, NodeAnswer } from '../../../domain/schemas/clusters';
import { findIll } from '../../laboratory/health';

type Look = Parameters<typeof findIll>[0];
type Condition = ClusterDetailAnswer['status']['conditions'][number];

const node = (name: string, state: NodeAnswer['state']): NodeAnswer => ({
  ...{ name, state, role: name.startsWith('gw') ? 'gateway' : 'data', heardAt: null },
  ...{ failureDomain: 'a', hostId: null, privateAddress: null },
});
const condition = (type: Condition['type'], status: boolean, reason = 'Reason'): Condition => ({
  ...{ type, status, reason, message: 'message', since: '2026-11-23T00:00:00Z' },
});
const NODES = [node('pg-1', 'replica'), node('pg-2', 'primary'), node('gw-1', 'open')];
const CONDITIONS = [
  condition('EtcdWhole', true),
  condition('GatewaysServe', true),
  condition('StandbysStream', true),
  condition('FailureDomainsSeparate', false),
];
const look = (conditions: readonly Condition[] = CONDITIONS, nodes = NODES): Look => ({
  nodes,
  status: { state: 'ready', conditions, postgresqlVersion: '18.6', endpoint: null, archiving: null },
});

test('a cluster all of whose parts are well is well, whatever its cloud cannot do', () => {
  expect(findIll(look(), false)).toEqual([]);
});

test.each(['down', 'silent', null] as const)('a gateway that is %s is told', (state) => {
  expect(findIll(look(CONDITIONS, [...NODES, node('gw-2', state)]), false)).toEqual([`gw-2 is ${state}`]);
});

test('so is a data node that is not heard', () => {
  expect(findIll(look(CONDITIONS, [...NODES, node('pg-3', 'silent')]), false)).toEqual(['pg-3 is silent']);
});

test.each([
  'EtcdWhole',
  'GatewaysServe',
  'StandbysStream',
  'PrimaryServes',
  'NodesServe',
  'NodesPresent',
  'DiskSpace',
  'Archiving',
] as const)('%s must not be false', (type) => {
  const others = CONDITIONS.filter((one) => one.type !== type);
  expect(findIll(look([...others, condition(type, false, 'Broken')]), false)).toEqual([`${type} is Broken: message`]);
  expect(findIll(look([...others, condition(type, true)]), false)).toEqual([]);
});

test('what must be told of and is not is no sign of health', () => {
  expect(findIll(look(CONDITIONS.slice(1)), false)).toEqual(['EtcdWhole is not told']);
});

test('while an operation works on it it is not whole', () => {
  expect(findIll(look(), true)).toEqual(['an operation works on it']);
});
