import { OPERATION_KINDS } from '../../../domain/operations';
import { requireReady, requireStateFor } from '../../../domain/readiness';
import type { ClusterState } from '../../../domain/clusters';

const cluster = (state: ClusterState) => ({ name: 'orders', status: { state } });

test('what needs a cluster that serves is refused by any other, and a stopped one says how it serves again', () => {
  expect(() => requireReady(cluster('ready'))).not.toThrow();
  expect(() => requireReady(cluster('creating'))).toThrow(/is creating/);
  expect(() => requireReady(cluster('stopped'))).toThrow(/holdfast cluster start orders/);
});

test('a stopped cluster takes a start and a deletion, and nothing else', () => {
  const taken = OPERATION_KINDS.filter((kind) => {
    try {
      requireStateFor(kind, cluster('stopped'));
      return true;
    } catch {
      return false;
    }
  });
  expect(taken).toEqual(['delete', 'start']);
  expect(() => requireStateFor('start', cluster('ready'))).toThrow(/only a stopped one/);
  expect(() => requireStateFor('backup', cluster('ready'))).not.toThrow();
});
