import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import type { Installation } from '../../activities/cloud/docker/installation';
import { listClusters, removeInstallation } from './clusters';
import type { Engine } from './engine';
import {
  engineAt,
  findRunningEngine,
  ownEngineAnswers,
  ownEngineExists,
  ownEngineHost,
  startedByHoldfast,
  stopOwnEngine,
} from './engine';
import { installIdOf, removeHome } from './home';
import { rememberedEngines } from './home-engines';
import { otherInstallations, unregister } from './installations';
import { lockOwner } from './lock';
import { Problem } from './problem';
import { endProcess } from './processes';
import type { Progress } from './progress.cjs';
import { createProgress } from './progress.cjs';
import { cacheFolder, homeFolder } from './project';
import { complain } from './session';
import { endOrphans } from './supervise';

/** Longer than all that `npm start` does when it is told to end. */
const END_TIMEOUT_MS = 100_000;

interface Choices {
  /** Removes clusters without asking. */
  readonly yes: boolean;
  /** Removes what clones of this machine share, too. */
  readonly cache: boolean;
}

/** An installation of this clone and the engines on which it may have something. */
interface Owned extends Installation {
  readonly engines: readonly Engine[];
}

/** `npm run down`: removes all that this clone's installation made. Can be run at any time, and again. */
async function down(progress: Progress, choices: Choices): Promise<void> {
  // Tests, benchmarks and the fault laboratory have homes of their own inside; the outer one goes last.
  const homes = ['test', 'bench', 'chaos', '.'].map((name) => join(homeFolder, name));
  const installations = await findInstallations(homes);
  const clusters = installations.map(({ installId, engines }) =>
    Promise.all(engines.map((engine) => listClusters(engine, installId))),
  );
  const hasStores = installations.some(({ home }) => existsSync(join(home, 'sites')));
  await confirm((await Promise.all(clusters)).flat(2), hasStores, choices);
  if (hasStores) progress.say(`  ${STORES_GO}`);
  await progress.step('worker, API and Temporal', () => stopPrograms(homes));
  for (const installation of installations) {
    for (const engine of installation.engines)
      await progress.step('clusters and inventory', () => removeInstallation(engine, installation));
    unregister(installation.installId);
    removeHome(installation.home);
  }
  if (existsSync(homeFolder)) leaveStranger(progress);
  await stopEngine(progress, await findRunningEngine());
  await keepOrRemoveCache(progress, choices);
}

async function findInstallations(homes: readonly string[]): Promise<Owned[]> {
  const found: Owned[] = [];
  for (const home of homes) {
    const installId = installIdOf(home);
    if (installId) found.push({ installId, home, engines: await enginesOf(home) });
  }
  return found;
}

/**
 * The engines on which the installation of that home may have something. Our own is started for it; when its folder was
 * removed, all that was on it is gone.
 * @throws Problem when one does not answer: without the home nobody would know any more whose clusters lie there.
 */
async function enginesOf(home: string): Promise<Engine[]> {
  const engines: Engine[] = [];
  for (const host of rememberedEngines(home)) {
    if (host === ownEngineHost && !ownEngineExists()) continue;
    const engine = await engineAt(host);
    if (!engine)
      throw new Problem(
        `The Docker engine at ${host} does not answer, and the clusters of ${home} may be on it: start it and run npm run down again, or delete that folder if the engine is gone for good.`,
      );
    engines.push(engine);
  }
  return engines;
}

/** What is in the way of a folder that would be ours, but has no installation in it, is not ours to remove. */
function leaveStranger(progress: Progress): void {
  if (readdirSync(homeFolder).length === 0) rmdirSync(homeFolder);
  else progress.say(`  ${homeFolder} is left as it is: no installation of Holdfast was made in it.`);
}

const STORES_GO =
  'The local object stores go too, with all backups and dumps in them: also of clusters that were deleted and could still come back.';

async function confirm(clusters: readonly string[], hasStores: boolean, { yes }: Choices): Promise<void> {
  if (clusters.length === 0 || yes) return;
  const what = `This deletes ${clusters.length === 1 ? 'the cluster' : 'the clusters'} ${clusters.join(', ')} with all data.`;
  const question = hasStores ? `${what} ${STORES_GO}` : what;
  if (!process.stdin.isTTY) throw new Problem(`${question} To agree, run: npm run down -- --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`${question} Type yes to go on: `);
  terminal.close();
  if (answer.trim() !== 'yes') throw new Problem('Nothing was removed.');
}

/** Whoever runs from one of these homes is told to end; what it cannot end any more is ended here. */
async function stopPrograms(homes: readonly string[]): Promise<void> {
  for (const home of homes) {
    const owner = lockOwner(join(home, 'lock'));
    if (owner) await endProcess(owner, END_TIMEOUT_MS);
    await endOrphans(home);
  }
}

/** Only one that Holdfast started, and only when no other installation and no container is left that could miss it. */
async function stopEngine(progress: Progress, engine: Engine | null): Promise<void> {
  if (!engine || !startedByHoldfast(engine)) return;
  const others = otherInstallations(null);
  const running = await engine.docker.listContainers();
  if (others.length > 0) progress.say(`  The Docker engine goes on: ${others.join(', ')} uses it.`);
  else if (running.length > 0)
    progress.say(`  The Docker engine goes on: ${running.length} other container(s) run on it.`);
  else await progress.step('Docker engine', () => stopOwnEngine(engine));
}

async function keepOrRemoveCache(progress: Progress, { cache }: Choices): Promise<void> {
  if (!existsSync(cacheFolder)) return;
  if (!cache) {
    const remedy = 'To remove that too: npm run down -- --cache';
    progress.say(`  Kept for the next start: ${cacheFolder} (golden image, Temporal, the engine's data). ${remedy}`);
    return;
  }
  const others = otherInstallations(null);
  if (others.length > 0)
    throw new Problem(`${cacheFolder} is kept: ${others.join(', ')} uses it. Run npm run down there first.`);
  if (await ownEngineAnswers())
    throw new Problem(
      `${cacheFolder} is kept: the Docker engine in it still runs, and Holdfast may not end it. End it first.`,
    );
  rmSync(cacheFolder, { recursive: true, force: true });
  progress.say(`✓ ${cacheFolder} removed`);
}

function readChoices(): Choices {
  try {
    const { values } = parseArgs({ options: { yes: { type: 'boolean' }, cache: { type: 'boolean' } } });
    return { yes: values.yes ?? false, cache: values.cache ?? false };
  } catch {
    throw new Problem('Usage: npm run down [-- [--yes] [--cache]]');
  }
}

void Promise.resolve()
  .then(() => down(createProgress(), readChoices()))
  .catch((error: unknown) => {
    complain(error);
    process.exitCode = 1;
  })
  .finally(() => process.disconnect());
