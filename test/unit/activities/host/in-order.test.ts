import { execFileSync } from 'node:child_process';
import { inOrder, sh } from '../../../../activities/host/shell';

const run = (command: string): string => execFileSync('sh', ['-c', `${command}; echo "code $?"`], { encoding: 'utf8' });

test('commands run in order, each with its own quoting', () => {
  expect(run(inOrder(sh`echo ${"it's"}`, sh`echo ${'$two'}`))).toBe("it's\n$two\ncode 0\n");
});

test('after one that fails, none runs', () => {
  expect(run(inOrder(sh`echo one`, sh`false`, sh`echo three`))).toBe('one\ncode 1\n');
});
