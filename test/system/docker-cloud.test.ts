import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createDockerCloud } from '../../activities/cloud/docker';
import type { DockerCloudOptions } from '../../activities/cloud/docker';
import { listInstallations, removeEverything, startAllHosts } from '../../activities/cloud/docker/installation';
import { objectName } from '../../activities/cloud/docker/names';
import { createVolumeKeeper, keeperName } from '../../activities/cloud/docker/volume-keeper';
import { makeHostKey } from '../../activities/secrets/ssh-keys';
import type { HostSpec } from '../../activities/cloud/cloud';
import { describeCloudContract } from './cloud-contract';
import { connectEngine, goldenImage } from './support/engine';
import { ssh, sshWhenUp } from './support/ssh';

jest.setTimeout(400_000);

const docker = connectEngine();
const makeOptions = (reach: DockerCloudOptions['reach']): DockerCloudOptions => ({
  docker,
  installId: `test-${randomBytes(6).toString('hex')}`,
  home: mkdtempSync(join(tmpdir(), 'holdfast-test-')),
  reach,
  image: goldenImage,
});
const end = async (options: DockerCloudOptions): Promise<void> => {
  await removeEverything(options);
  rmSync(options.home, { recursive: true });
};

for (const reach of ['direct', 'published'] as const) {
  describeCloudContract(`docker, hosts reached ${reach === 'direct' ? 'directly' : 'by published ports'}`, () => {
    const options = makeOptions(reach);
    const cloud = createDockerCloud(options);
    return Promise.resolve({ cloud, otherProcess: createDockerCloud(options), end: () => end(options) });
  });
}

describe('what only the docker cloud can lose or leak', () => {
  const options = makeOptions('direct');
  const cloud = createDockerCloud(options);
  const keeper = createVolumeKeeper(options);
  const tags = { 'holdfast.cluster': 'clu_docker' };
  const [hostKey, clientKey] = [makeHostKey(), makeHostKey()];
  const token = 'clu_docker/pg-1';
  const name = objectName(options.installId, token);
  const spec: HostSpec = {
    token,
    tags,
    networkToken: 'clu_docker/network',
    hostname: 'pg-1',
    failureDomain: 'local-b',
    memoryBytes: 256 * 1024 ** 2,
    cpus: 0.5,
    volumeBytes: 400 * 1024 ** 2,
    publicPorts: [],
    hostKey,
    authorizedKey: clientKey.publicLine,
  };
  const run = async (command: string): Promise<string> => {
    const host = await cloud.findHost(token);
    if (!host) throw new Error('the host is gone');
    return (await sshWhenUp({ at: host.ssh, hostKey, clientKey }, command)).trim();
  };
  /** What a reboot takes: the process of every host and of the keeper, the loop devices, all of /dev. */
  const reboot = async (): Promise<void> => {
    await cloud.powerOff(token);
    const loops = await loopDevices();
    await Promise.all(
      [name, keeperName(options.installId)].map((c) =>
        docker
          .getContainer(c)
          .kill()
          .catch(() => undefined),
      ),
    );
    await docker.getContainer(keeperName(options.installId)).start();
    await inKeeper(['losetup', '-d', ...loops]);
    await inKeeper(['rm', `/dev/holdfast/${options.installId}.clu_docker.pg-1`]);
    expect(await loopDevices()).toEqual([]);
  };
  /** The cloud in a process that dies after so many calls to the engine: the last one was done, but not answered. */
  const createCutCloud = (calls: number) => {
    const engine = connectEngine();
    const dial = engine.modem.dial.bind(engine.modem);
    let done = 0;
    engine.modem.dial = (call, answer) => {
      const cutOff: typeof answer = (_error, response) => {
        // What was answered is never read: its connection must not outlive the test.
        if (response instanceof Readable) response.destroy();
        answer?.(new Error('the connection was cut'), null);
      };
      if (++done > calls) return cutOff(null, null);
      dial(call, done === calls ? cutOff : answer);
    };
    return createDockerCloud({ ...options, docker: engine });
  };
  const loopDevices = async (): Promise<string[]> =>
    (await cloud.listByTags(tags)).flatMap(({ kind, id }) => (kind === 'loop device' ? [id] : []));
  const inKeeper = async (command: string[]): Promise<void> => {
    const exec = await docker.getContainer(keeperName(options.installId)).exec({ Cmd: command, AttachStdout: true });
    const output = await exec.start({});
    await new Promise((resolve) => output.resume().once('end', resolve));
  };

  beforeAll(async () => {
    await cloud.createNetwork({ token: spec.networkToken, tags });
    await cloud.createHost(spec);
  });
  afterAll(() => end(options));

  test('nothing secret stands where the engine shows it', async () => {
    const shown = JSON.stringify(await docker.getContainer(name).inspect());
    expect(shown).toContain('local-b');
    for (const line of hostKey.privatePem.split('\n').filter((text) => text.length > 20 && !text.startsWith('-----'))) {
      expect(shown).not.toContain(line);
    }
    expect(await run('stat -c "%a %U" /etc/ssh/ssh_host_ed25519_key /root/.ssh /root/.ssh/authorized_keys')).toBe(
      '600 root\n700 root\n600 root',
    );
  });

  test('a power-off also ends a host that is frozen', async () => {
    await run('true');
    await docker.getContainer(name).pause();
    await cloud.powerOff(token);
    expect((await docker.getContainer(name).inspect()).State).toMatchObject({ Running: false, Paused: false, Pid: 0 });
    await cloud.powerOn(token);
    await run('true');
  });

  test('power-on thaws a frozen host', async () => {
    const host = await cloud.findHost(token);
    await run('true');
    await docker.getContainer(name).pause();
    await expect(ssh({ at: host?.ssh ?? { host: '', port: 0 }, hostKey, clientKey }, 'true')).rejects.toThrow(
      /timed out/i,
    );
    await cloud.powerOn(token);
    expect(await run('echo thawed')).toBe('thawed');
  });

  test('a host has its data again after a reboot took its loop device', async () => {
    if (!(await cloud.describe()).volumeSize.enforced) return;
    for (const start of [() => cloud.powerOn(token), () => startAllHosts(options), () => cloud.createHost(spec)]) {
      const mark = randomBytes(8).toString('hex');
      await run(`echo ${mark} >/var/lib/postgresql/mark; sync /var/lib/postgresql/mark`);
      await reboot();
      await start();
      expect(await run('cat /var/lib/postgresql/mark')).toBe(mark);
      expect(await loopDevices()).toHaveLength(1);
    }
  });

  test('files and loop devices are listed after all that Docker knows of the host is gone', async () => {
    if (!(await cloud.describe()).volumeSize.enforced) return;
    const lost = { 'holdfast.cluster': 'clu_lost' };
    const volume = objectName(options.installId, 'clu_lost/pg-1');
    await keeper.run('create', volume, String(spec.volumeBytes), JSON.stringify(lost));
    expect((await cloud.listByTags(lost)).map(({ kind }) => kind).sort()).toEqual([
      'file',
      'file',
      'file',
      'loop device',
    ]);
    await cloud.deleteHost('clu_lost/pg-1');
    expect(await cloud.listByTags(lost)).toEqual([]);
  });

  test('a volume that is too small for XFS, and an image that is not there, are refused in words', async () => {
    await expect(cloud.createHost({ ...spec, token: 'clu_docker/pg-2', volumeBytes: 1024 ** 2 })).rejects.toMatchObject(
      {
        code: 'CLOUD_REFUSED',
        message: expect.stringMatching(/at least 314572800 bytes/) as string,
      },
    );
    const imageless = createDockerCloud({ ...options, image: () => Promise.resolve('holdfast/host:no-such') });
    await expect(imageless.createHost({ ...spec, token: 'clu_docker/pg-3' })).rejects.toMatchObject({
      code: 'CLOUD_REFUSED',
    });
    await Promise.all(['clu_docker/pg-2', 'clu_docker/pg-3'].map((failed) => cloud.deleteHost(failed)));
  });

  test('more volumes than the machine has loop devices at its start get one each', async () => {
    if (!(await cloud.describe()).volumeSize.enforced) return;
    const many = { 'holdfast.cluster': 'clu_many' };
    const names = Array.from({ length: 10 }, (_, n) => objectName(options.installId, `clu_many/pg-${n}`));
    await Promise.all(
      names.map((volume) => keeper.run('create', volume, String(spec.volumeBytes), JSON.stringify(many))),
    );
    const devices = (await cloud.listByTags(many)).filter(({ kind }) => kind === 'loop device');
    expect(new Set(devices.map(({ id }) => id)).size).toBe(10);
    for (const volume of names) await keeper.run('delete', volume);
    expect(await cloud.listByTags(many)).toEqual([]);
  });

  test('creating and deleting a host can be cut off after any call to the engine, and repeated', async () => {
    const cut: HostSpec = { ...spec, token: 'clu_cut/pg-1', tags: { 'holdfast.cluster': 'clu_cut' } };
    const container = docker.getContainer(objectName(options.installId, cut.token));
    const refusal = { code: 'CLOUD_UNAVAILABLE' };
    let unfinished = 0;
    for (let calls = 1, whole = false; !whole; calls++) {
      const [creator, deleter] = [createCutCloud(calls), createCutCloud(calls)];
      const created = await creator.createHost(cut).then(
        () => true,
        (error: unknown) => (expect(error).toMatchObject(refusal), false),
      );
      // The whole machine went down there, and all that is off is started before the operation goes on.
      if ((await container.inspect().catch(() => null))?.State.Status === 'created') {
        unfinished++;
        await expect(cloud.powerOn(cut.token)).rejects.toMatchObject({ code: 'CLOUD_REFUSED' });
        expect(await startAllHosts(options)).toEqual({ on: [token], failed: [] });
      }
      const host = await cloud.createHost(cut);
      expect(host.running).toBe(true);
      (await container.getArchive({ path: '/root/.ssh/authorized_keys' })).resume();
      expect((await cloud.listByTags(cut.tags)).map(({ kind }) => kind).filter((kind) => kind !== 'file')).toHaveLength(
        3,
      );

      const deleted = await deleter.deleteHost(cut.token).then(
        () => true,
        (error: unknown) => (expect(error).toMatchObject(refusal), false),
      );
      await cloud.deleteHost(cut.token);
      expect(await cloud.listByTags(cut.tags)).toEqual([]);
      whole = created && deleted;
    }
    expect(unfinished).toBeGreaterThan(0);
  }, 300_000);

  test('a host that cannot be started is named with the reason, and keeps no other one from starting', async () => {
    const broken: HostSpec = { ...spec, token: 'clu_docker/gw-1', volumeBytes: null };
    const { privateAddress } = await cloud.createHost(broken);
    await Promise.all([broken.token, token].map((each) => cloud.powerOff(each)));
    const [network] = await docker.listNetworks({
      filters: { name: [objectName(options.installId, spec.networkToken)] },
    });
    const squatter = await docker.createContainer({
      Image: await goldenImage(),
      Cmd: ['sleep', 'infinity'],
      StopSignal: 'SIGKILL',
      NetworkingConfig: { EndpointsConfig: { [network?.Id ?? '']: { IPAMConfig: { IPv4Address: privateAddress } } } },
    });
    await squatter.start();
    try {
      const { on, failed } = await startAllHosts(options);
      expect(on).toEqual([token]);
      expect(failed).toEqual([{ token: broken.token, reason: expect.stringMatching(/address/i) as string }]);
      expect((await cloud.findHost(token))?.running).toBe(true);
    } finally {
      await squatter.remove({ force: true });
    }
    expect((await startAllHosts(options)).failed).toEqual([]);
    await cloud.deleteHost(broken.token);
  });

  test('an installation is known by its folder, and goes wholly, however often it is told to', async () => {
    const [other, installation] = [makeOptions('direct'), { installId: options.installId, home: options.home }];
    await createDockerCloud(other).createNetwork({ token: 'clu_docker/network', tags });
    expect(await listInstallations(docker)).toEqual(expect.arrayContaining([installation]));
    const loops = await loopDevices();

    await removeEverything(options);
    await removeEverything(options);
    const left = await listInstallations(docker);
    expect(left).not.toContainEqual(installation);
    expect(left).toContainEqual({ installId: other.installId, home: other.home });
    expect(await cloud.listByTags({})).toEqual([]);
    expect(loops.length > 0).toBe((await cloud.describe()).volumeSize.enforced);
    await end(other);
  });
});

test('an engine that does not answer is unavailable, for a while', async () => {
  const options = { ...makeOptions('direct'), docker: connectEngine('/nowhere/docker.sock') };
  const found = createDockerCloud(options).findHost('clu_x/pg-1');
  await expect(found).rejects.toMatchObject({ code: 'CLOUD_UNAVAILABLE', retryable: true });
  rmSync(options.home, { recursive: true });
});
