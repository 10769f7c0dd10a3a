import fc from 'fast-check';
import { allNodes, dataNodes, dataNodesShareDomain, placeNodes } from '../../../domain/topology';

test('ha has three data nodes and two gateways, single one of each', () => {
  expect(allNodes('ha').map((node) => node.name)).toEqual(['pg-1', 'pg-2', 'pg-3', 'gw-1', 'gw-2']);
  expect(allNodes('single').map((node) => node.name)).toEqual(['pg-1', 'gw-1']);
});

test('data nodes never share a failure domain while there are enough', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 3, maxLength: 9 }), fc.string(), (domains, seed) => {
      expect(dataNodesShareDomain(dataNodes('ha'), placeNodes(allNodes('ha'), domains, seed))).toBe(false);
    }),
  );
});

test('with too few domains they share one, and it is said', () => {
  expect(dataNodesShareDomain(dataNodes('ha'), placeNodes(allNodes('ha'), ['a', 'b'], 'x'))).toBe(true);
});

test('a placement is the same at every try', () => {
  const place = (): unknown => placeNodes(allNodes('ha'), ['a', 'b', 'c'], 'clu_1');
  expect(place()).toEqual(place());
});
