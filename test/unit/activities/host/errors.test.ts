import { refusesLogin, loginRefused, unreachable } from '../../../../activities/host/errors';

/** What ssh2 and the network say, as errors of the catalogue. test/system/host-contract.ts has it of a real sshd. */

test('a refused control key is known by where ssh2 says that it failed', () => {
  const said = Object.assign(new Error('All configured authentication methods failed'), {
    level: 'client-authentication',
  });
  expect(refusesLogin(said)).toBe(true);
  expect(loginRefused('orders/pg-1', 'ops', said)).toMatchObject({
    code: 'HOST_LOGIN_REFUSED',
    retryable: false,
    message: expect.stringContaining('orders/pg-1 does not let ops in') as unknown,
  });
});

test.each([
  ['ECONNREFUSED', undefined, 'nothing listens on its SSH port'],
  ['ECONNRESET', undefined, 'it cut the connection'],
  [undefined, 'client-timeout', 'no answer in time'],
])('what is away is no refusal: %s %s', (code, level, detail) => {
  const error = Object.assign(new Error('x'), { code, level });
  expect(refusesLogin(error)).toBe(false);
  expect(unreachable('orders/pg-1', error)).toMatchObject({
    code: 'HOST_UNREACHABLE',
    retryable: true,
    values: { detail },
  });
});
