import { missingInWords } from '../../../../activities/dumps/take';

test('a database that is not there is told with those that are, and with the cluster that somebody knows', () => {
  const where = 'what was restored of cluster shop';
  expect(missingInWords(['nosuch'], where, ['app', 'a "b"'])).toBe(
    String.raw`there is no database "nosuch" in what was restored of cluster shop, but there are "app", "a \"b\""`,
  );
  expect(missingInWords(['x', 'y'], 'cluster shop', ['app'])).toBe(
    'there is no database "x" and no "y" in cluster shop, but there is "app"',
  );
  expect(missingInWords([], 'cluster shop', [])).toBe('there is no database in cluster shop');
});
