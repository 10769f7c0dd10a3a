import { lookInTurns } from '../../../../activities/watch/turns';
import { eventually } from '../../../support/eventually';

/** Who is looked at when. */

const PERIOD_MS = 5;

interface Watching {
  /** How often each was looked at. */
  readonly looks: Map<string, number>;
  readonly failures: string[];
  /** Ends it. */
  readonly stop: () => Promise<unknown>;
}

function watch(list: () => Promise<readonly string[]>, look: (item: string) => Promise<void>): Watching {
  const looks = new Map<string, number>();
  const failures: string[] = [];
  const end = new AbortController();
  const running = lookInTurns({
    list,
    idOf: (item) => item,
    look: (item) => {
      looks.set(item, (looks.get(item) ?? 0) + 1);
      return look(item);
    },
    onFailure: (error) => failures.push(String(error)),
    periodMs: PERIOD_MS,
    signal: end.signal,
  }).catch((error: unknown) => error);
  const stop = (): Promise<unknown> => {
    end.abort(new Error('enough'));
    return running;
  };
  return { looks, failures, stop };
}

test('one that does not answer keeps nobody from the others, and is not asked twice at a time', async () => {
  let release = (): void => undefined;
  const { looks, stop } = watch(
    () => Promise.resolve(['a', 'hangs', 'b']),
    (item) => (item === 'hangs' ? new Promise((resolve) => (release = resolve)) : Promise.resolve()),
  );
  await eventually(() => Promise.resolve((looks.get('a') ?? 0) > 5 && (looks.get('b') ?? 0) > 5));
  expect(looks.get('hangs')).toBe(1);
  release();
  await eventually(() => Promise.resolve((looks.get('hangs') ?? 0) > 1));
  release();
  expect(await stop()).toEqual(new Error('enough'));
});

test('more than can be looked at at once are all looked at', async () => {
  const many = Array.from({ length: 100 }, (_, i) => `item ${i}`);
  const { looks, stop } = watch(
    () => Promise.resolve(many),
    () => new Promise((resolve) => setTimeout(resolve, 1)),
  );
  await eventually(() => Promise.resolve(many.every((item) => (looks.get(item) ?? 0) > 1)));
  await stop();
});

test('what comes into the list is looked at, what leaves it no more, and a list that fails is asked again', async () => {
  let items: string[] | null = ['a'];
  const { looks, failures, stop } = watch(
    () => (items === null ? Promise.reject(new Error('away')) : Promise.resolve(items)),
    () => Promise.resolve(),
  );
  await eventually(() => Promise.resolve(looks.has('a')));
  items = null;
  await eventually(() => Promise.resolve(failures.includes('Error: away')));
  items = ['b'];
  await eventually(() => Promise.resolve(looks.has('b')));
  const before = looks.get('a');
  await eventually(() => Promise.resolve((looks.get('b') ?? 0) > 3));
  expect(looks.get('a')).toBe(before);
  await stop();
});

test('one that fails is asked more seldom, and as often as the others once it answers', async () => {
  let isAway = true;
  const { looks, failures, stop } = watch(
    () => Promise.resolve(['fails', 'well']),
    (item) => (item === 'fails' && isAway ? Promise.reject(new Error('no answer')) : Promise.resolve()),
  );
  await eventually(() => Promise.resolve((looks.get('well') ?? 0) > 60));
  expect(looks.get('fails')).toBeLessThan((looks.get('well') ?? 0) / 3);
  expect(failures).toHaveLength(looks.get('fails') ?? 0);
  isAway = false;
  const answered = (looks.get('fails') ?? 0) + 1;
  await eventually(() => Promise.resolve((looks.get('fails') ?? 0) > answered));
  const [fails, well] = [looks.get('fails') ?? 0, looks.get('well') ?? 0];
  await eventually(() => Promise.resolve((looks.get('well') ?? 0) > well + 20));
  expect((looks.get('fails') ?? 0) - fails).toBeGreaterThan(15);
  await stop();
});
