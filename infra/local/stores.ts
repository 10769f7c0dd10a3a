import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { BucketAlreadyOwnedByYou, CreateBucketCommand } from '@aws-sdk/client-s3';
import { replacePrivateFile } from '../../activities/secrets/private-file';
import { connectSite } from '../../activities/storage/connection';
import { readSites } from '../../activities/storage/sites-file';
import type { ConfiguredSite } from '../../activities/storage/storage';
import { choosePort } from './ports';
import type { PortName } from './ports';
import { Problem, reasonOf } from './problem';
import type { StepReport } from './progress.cjs';
import type { Session } from './session';
import { sitesFileOf, storeAuthority, storeFiles } from './store-files';
import type { StoreFiles } from './store-files';
import type { Program } from './supervise';
import { supervise } from './supervise';
import { findVersitygw } from './versitygw-binary';

/** Local object stores, which `npm start` brings up where nobody named others. */
const LOCAL_SITES = {
  primary: 'sitePrimary',
  secondary: 'siteSecondary',
  offsite: 'siteOffsite',
} as const satisfies Record<string, PortName>;

const START_TIMEOUT_MS = 30_000;
const GRACE_MS = 5_000;
/** More ends than this before it ever answered: it will not. */
const TRIES = 2;

export interface RunningStores {
  readonly sitesFile: string;
  readonly sites: readonly ConfiguredSite[];
  readonly programs: ReadonlyMap<string, Program>;
  readonly stop: () => Promise<void>;
}

/** Of a session, as much as stores need. */
export type StoresHome = Pick<Session, 'home' | 'progress' | 'signal'>;

/**
 * Starts the local stores, unless the sites are named: in the file of HOLDFAST_SITES or in `sites.json` in the home.
 *
 * @returns the sites file of the local ones; null where worker and API find their own, or there is none: a machine that
 * can't have local stores serves without backups, and the reader is told.
 * @throws Problem when the sites file is wrong.
 */
export async function startStores(session: Session, report: StepReport): Promise<string | null> {
  const named = process.env['HOLDFAST_SITES'] || null;
  if (named !== null || existsSync(session.home.path('sites.json'))) {
    const settings = { HOLDFAST_HOME: session.home.folder, HOLDFAST_SITES: named };
    const sites = await readSites(settings).catch((error: unknown) => {
      throw new Problem(`${reasonOf(error)}. See docs/configuration.md.`);
    });
    report.result(`${sites.map(({ name }) => name).join(', ')}: yours`);
    return null;
  }
  try {
    const binary = await findVersitygw(session.signal, report);
    const ports = new Map<string, number>();
    for (const [name, port] of Object.entries(LOCAL_SITES)) ports.set(name, await choosePort(session.home, port));
    const stores = await runStores(session, binary, ports);
    session.atEnd('stop the object stores', stores.stop);
    return stores.sitesFile;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    report.result('none');
    session.progress.say(`  ! No backups can be taken, because there are no local object stores. ${error.message}`);
    // Clusters that have backups there wait until they are back.
    const known = session.home.path('sites', 'sites.json');
    return existsSync(known) ? known : null;
  }
}

/**
 * Starts a store for each name, on all addresses of the machine: hosts reach it by that of their own network.
 *
 * @param ports of the stores, by their names.
 * @throws Problem when one does not start; none is left then.
 */
export async function runStores(
  session: StoresHome,
  binary: string,
  ports: ReadonlyMap<string, number>,
): Promise<RunningStores> {
  const folder = session.home.path('sites');
  const authority = await storeAuthority(folder);
  const entries = await Promise.all(
    [...ports].map(async ([name, port]) => ({ name, port, files: await storeFiles(folder, name, authority) })),
  );
  const sitesFile = session.home.path('sites', 'sites.json');
  const content = sitesFileOf(entries.map(({ name, port, files }) => ({ name, port, credentials: files.credentials })));
  await replacePrivateFile(sitesFile, JSON.stringify(content, null, 2));
  const sites = await readSites({ HOLDFAST_HOME: session.home.folder, HOLDFAST_SITES: sitesFile });

  const programs = new Map(
    entries.map(({ name, port, files }) => [name, launch(session, { binary, name, port, files })]),
  );
  const stop = async (): Promise<void> => void (await Promise.all([...programs.values()].map((each) => each.stop())));
  try {
    await Promise.all(sites.map((site) => waitForStore(session, site, programs.get(site.name))));
  } catch (error) {
    await stop();
    throw error;
  }
  return { sitesFile, sites, programs, stop };
}

interface Launch {
  readonly binary: string;
  readonly name: string;
  readonly port: number;
  readonly files: StoreFiles;
}

/** Its root key stands in its environment, which only its user can read: it takes it in no better way. */
function launch(session: StoresHome, { binary, name, port, files }: Launch): Program {
  return supervise(session, {
    name: `site-${name}`,
    command: binary,
    args: [
      ...['--port', `0.0.0.0:${port}`, '--cert', files.certificate, '--key', files.privateKey],
      ...['--iam-dir', files.iam, '--iam-cache-disable', '--quiet', 'posix', files.data],
    ],
    env: { ROOT_ACCESS_KEY: files.credentials.accessKey, ROOT_SECRET_KEY: files.credentials.secretKey },
    graceMs: GRACE_MS,
  });
}

/** It serves when the bucket is there. */
async function waitForStore({ home, signal }: StoresHome, site: ConfiguredSite, store?: Program): Promise<void> {
  const { s3, close } = connectSite(site, site.keys);
  try {
    for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(100, undefined, { signal })) {
      const made = await s3.send(new CreateBucketCommand({ Bucket: site.bucket })).then(
        () => true,
        (error: unknown) => error instanceof BucketAlreadyOwnedByYou,
      );
      if (made) return;
      if ((store?.crashes() ?? 0) > TRIES || Date.now() > deadline)
        throw new Problem(
          `The store ${site.name} does not start: ${home.path('logs', `site-${site.name}.log`)} tells why.`,
        );
    }
  } finally {
    close();
  }
}
