import { finished } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { ask, askUnless, scriptError } from './errors';
import { ownerLabels } from './names';
import type { DockerCloudOptions } from './options';
import { VOLUME_SCRIPT } from './volume-script';

/** Name of the keeper's container and of the docker volume that holds its files. */
export const keeperName = (installId: string): string => `holdfast-${installId}-volumes`;

export interface VolumeKeeper {
  /**
   * Runs a verb of {@link VOLUME_SCRIPT} on the engine's machine and returns what it printed.
   * @throws CLOUD_REFUSED or CLOUD_FULL when it fails.
   */
  run(verb: string, ...words: string[]): Promise<string>;
  /** True once it has ever been started: before that there are no files to ask it for. */
  hasFiles(): Promise<boolean>;
}

/**
 * The keeper: one container of an installation that has the machine's /dev, to make the loop devices that Docker's own
 * volumes can't. Started when needed, and again when someone ended it.
 */
export function createVolumeKeeper(options: DockerCloudOptions): VolumeKeeper {
  const { docker, installId } = options;
  const container = docker.getContainer(keeperName(installId));
  let starting: Promise<void> | null = null;
  const start = (): Promise<void> => (starting ??= startKeeper(options).finally(() => (starting = null)));

  const run: VolumeKeeper['run'] = async (verb, ...words) => {
    const command = ['sh', '-euc', VOLUME_SCRIPT, 'volumes', verb, ...words];
    // Neither there (404) nor running (409) is the rare case, so it is not asked for each time.
    const answer =
      (await askUnless(verb, ['absent', 'exists'], execute(docker, container, command))) ??
      (await retry(command, verb));
    if (answer.exitCode !== 0) throw scriptError(`${verb} a volume`, answer.stderr);
    return answer.stdout;
  };
  const retry = async (command: string[], verb: string): Promise<Answer> => {
    await start();
    return ask(verb, execute(docker, container, command));
  };
  const hasFiles = async (): Promise<boolean> =>
    (await askUnless('look for files', ['absent'], docker.getVolume(keeperName(installId)).inspect())) !== null;

  return { run, hasFiles };
}

async function startKeeper(options: DockerCloudOptions): Promise<void> {
  const { docker } = options;
  const name = keeperName(options.installId);
  const labels = ownerLabels(options);
  const verb = 'start the volume keeper';
  const container = docker.getContainer(name);
  if ((await askUnless(verb, ['absent'], container.inspect())) === null) {
    const image = await options.image();
    await ask(verb, docker.createVolume({ Name: name, Labels: labels }));
    const create = docker.createContainer({
      name,
      Image: image,
      Cmd: ['sleep', 'infinity'],
      Labels: labels,
      // It has nothing to shut down, and as process 1 would ignore anything milder for ten seconds.
      StopSignal: 'SIGKILL',
      HostConfig: {
        NetworkMode: 'none',
        CapAdd: ['SYS_ADMIN'],
        SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
        // Loop devices, and the loop-control that makes more of them.
        DeviceCgroupRules: ['b 7:* rmw', 'c 10:237 rmw'],
        Binds: ['/dev:/dev', `${name}:/volumes`],
      },
    });
    await askUnless(verb, ['exists'], create);
  }
  await askUnless(verb, ['unchanged'], container.start());
}

interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a container to its end. */
async function execute(docker: Docker, container: Docker.Container, command: string[]): Promise<Answer> {
  const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({});
  const stdout = new TextSink();
  const stderr = new TextSink();
  docker.modem.demuxStream(stream, stdout, stderr);
  await finished(stream, { writable: false });
  for (;;) {
    const { Running, ExitCode } = await exec.inspect();
    // The output can end a moment before the engine has noticed the exit.
    if (!Running && ExitCode !== null) return { exitCode: ExitCode, stdout: stdout.text, stderr: stderr.text };
    await delay(20);
  }
}

class TextSink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
