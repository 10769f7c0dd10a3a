import type Docker from 'dockerode';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { ImageCatalogue } from '../../domain/versions';
import { lastLine, runCommand } from './command';
import { demandDiskSpace, FIRST_START_BYTES } from './disk';
import type { Engine } from './engine';
import { Problem } from './problem';
import type { StepReport } from './progress.cjs';
import { cacheFolder, projectFile } from './project';
import type { Session } from './session';

/** The golden image on an engine, and what it holds. */
export interface GoldenImage {
  readonly tag: string;
  readonly catalogue: ImageCatalogue;
}

const REPOSITORY = 'holdfast/host';
const CATALOGUE = '/etc/holdfast/image.json';
const GIVEN_UP = 3;

const catalogueSchema = z.object({
  format: z.literal(1),
  builtAt: z.string(),
  debian: z.string(),
  postgresql: z.object({ '15': z.string(), '17': z.string(), '18': z.string() }),
  tools: z.record(z.string(), z.string()),
});
const rememberedSchema = z.object({ id: z.string(), catalogue: catalogueSchema });

/** Builds the image, unless the engine has it or the machine keeps one of the same content. @throws Problem */
export async function makeImage(session: Session, { docker, host }: Engine, report: StepReport): Promise<GoldenImage> {
  await demandRoom(docker);
  const logFile = session.home.path('logs', 'image.log');
  const { exitCode, stdout, stderr } = await runCommand(projectFile('infra', 'images', 'build.sh'), [], {
    env: { DOCKER_HOST: host },
    signal: session.signal,
    logFile,
    onLine: (line) => report.note(line.replace(/^(image|install): /, '')),
  });
  if (exitCode === GIVEN_UP) throw new Problem(`No golden image: ${lastLine(stderr).replace(/^image: /, '')}`);
  if (exitCode !== 0) throw new Problem(`The golden image could not be built: ${logFile} tells why.`);
  const tag = lastLine(stdout);
  return { tag, catalogue: await readCatalogue(session, docker, tag) };
}

/** Only before the first build: later ones find most of it there. */
async function demandRoom(docker: Docker): Promise<void> {
  const images = await docker.listImages({ filters: JSON.stringify({ reference: [REPOSITORY] }) });
  if (images.length > 0) return;
  const info: unknown = await docker.info();
  const data = typeof info === 'object' && info !== null && 'DockerRootDir' in info ? String(info.DockerRootDir) : '';
  // On another machine or in Docker Desktop's, the engine's folder is not to be seen from here.
  await demandDiskSpace(existsSync(data) ? data : cacheFolder, FIRST_START_BYTES);
}

/** What an image holds. Running a container to read one file takes most of a second, so what it said is kept for the next start. */
export async function readCatalogue(
  { home }: Pick<Session, 'home'>,
  docker: Docker,
  tag: string,
): Promise<ImageCatalogue> {
  const { Id: id } = await docker.getImage(tag).inspect();
  const remembered = rememberedSchema.safeParse(parseJson(home.read('image.json')));
  if (remembered.success && remembered.data.id === id) return remembered.data.catalogue;
  const { exitCode, stdout, stderr } = await runCommand('docker', [
    'run',
    '--rm',
    '--network=none',
    tag,
    'cat',
    CATALOGUE,
  ]);
  if (exitCode !== 0) throw new Error(`${tag} has no ${CATALOGUE}: ${stderr}`);
  const catalogue = catalogueSchema.parse(JSON.parse(stdout));
  home.write('image.json', JSON.stringify({ id, catalogue }));
  return catalogue;
}

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
