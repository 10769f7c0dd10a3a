import { accessCheck, checksOf } from '../../../../activities/cloud/static/checks';
import type { Inspection } from '../../../../activities/cloud/static/inspect';
import type { HostCheck, RegisteredHost } from '../../../../domain/hosts';
import { HoldfastError } from '../../../../domain/errors';

/** What is said of a machine, by what was seen on it. */

const GIB = 1024 ** 3;
const FINE: Inspection = {
  distribution: 'debian 13',
  distributionName: 'Debian GNU/Linux 13 (trixie)',
  systemd: true,
  machineId: 'm1',
  controlAddress: '192.0.2.1',
  privateAddress: '192.0.2.2',
  sshPort: 22,
  memoryBytes: GIB,
  cpus: 2,
  diskBytes: 100 * GIB,
  listeners: new Map(),
  packages: [],
  heldBy: null,
  packageTrouble: null,
  clockAheadS: 0,
};
const HOST: RegisteredHost = {
  id: 'host_m1',
  projectId: 'prj_tests',
  name: 'm1',
  ssh: { host: '192.0.2.2', port: 22, user: 'ops' },
  hostKey: 'SHA256:x',
  zone: 'a',
  size: { memoryBytes: GIB, cpus: 1, storageBytes: GIB },
  facts: null,
  cluster: null,
  nodes: [],
  registeredAt: '2026-01-01T00:00:00.000Z',
};

const wrong = (seen: Partial<Inspection>, owner: string | null = null): HostCheck[] =>
  checksOf({ ...FINE, ...seen }, { ...HOST.size, roles: ['data', 'gateway'] }, owner).filter(({ ok }) => !ok);

test('a machine that has what it needs is fine', () => {
  expect(wrong({})).toEqual([]);
});

test.each(['http://mirror.test/debian/dists/forky/InRelease: 404 Not Found', 'it has no APT'])(
  'packages that cannot be fetched are a problem, in one sentence: %s',
  (trouble) => {
    const message = `Its packages cannot be fetched: ${trouble}.`;
    const said = [expect.objectContaining({ id: 'packages', message })];
    expect(wrong({ packageTrouble: trouble })).toEqual(said);
    expect(wrong({ packageTrouble: `${trouble}.` })).toEqual(said);
    expect(wrong({ packageTrouble: `${trouble}...\n` })).toEqual(said);
  },
);

test('packages are no question on a machine that has them for this cluster', () => {
  expect(wrong({ packageTrouble: 'it has no APT', heldBy: 'clu_one' }, 'clu_one')).toEqual([]);
});

test.each(['sudo: a password is required', 'sudo: a password is required.'])(
  'what sudo says ends in one full stop: %s',
  (output) => {
    const error = new HoldfastError('HOST_COMMAND_FAILED', { host: 'm1', command: 'true', status: 1, output });
    expect(accessCheck(HOST, error).message).toBe(
      'ops cannot become root without a password: sudo: a password is required.',
    );
  },
);
