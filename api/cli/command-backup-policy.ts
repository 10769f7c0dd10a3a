import { type Command, InvalidArgumentError } from 'commander';
import { NO_HOOKS } from '../../domain/backup-hooks';
import { dumpsInWords } from '../../domain/backup-words';
import type { BackupPolicyDetailAnswer } from '../../domain/schemas/backup-policies';
import type { BackupPolicyRequest } from '../../domain/schemas/backups';
import { toType } from './called-as';
import { ApiError } from './client';
import { CLUSTER } from './command-cluster';
import { showPreview } from './cluster-text';
import { CliError, EXIT } from './exit';
import { askedAround, type HookFlags, hooksInWords, withHooks } from './hook-options';
import { describe } from './help';
import { type Format, printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open, Session } from './run';

/** `backup begin`, `backup policy`, `backup pause`, `backup resume`: when backups are taken, where they go, how long they are kept. */

interface PolicyFlags extends WaitFlags, HookFlags {
  readonly full?: string;
  readonly differential?: string;
  readonly incremental?: string;
  readonly drill?: string;
  readonly dump?: string;
  readonly dumpDatabase?: string[];
  readonly dumpSite?: string[];
  readonly timeZone?: string;
  readonly keep?: BackupPolicyRequest['retention'];
  readonly addSite?: string[];
  readonly removeSite?: string[];
  readonly preview?: boolean;
}

const TIMES = "Cron (minute, hour, day, month, weekday), such as '17 1 * * 0', or none for never.";
const cronOrNone = (text: string): string | null => (text === 'none' ? null : text);
const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** @param backup the command that they stand under. */
export function addBackupPolicyCommands(backup: Command, open: Open): void {
  addBegin(backup, open);
  addPolicy(backup, open);
  const verbs = [
    ['pause', true, 'Take no backups by schedule until it is resumed; the log is archived all the same.'],
    ['resume', false, 'Take backups by schedule again.'],
  ] as const;
  for (const [verb, paused, sentence] of verbs) {
    const command = describe(backup.command(verb), sentence, `backup ${verb} orders --wait`).argument(
      '<cluster>',
      CLUSTER,
    );
    withWait(command).action(async (cluster: string, flags: WaitFlags) => {
      const session = await open();
      // To a cluster that has none it would give backups.
      await session.client.showBackupPolicy(cluster);
      await report(session, await session.client.changeBackupPolicy(cluster, { paused }), flags);
    });
  }
}

function addBegin(backup: Command, open: Open): void {
  const command = describe(
    backup.command('begin'),
    'Give backups to a cluster that has none. What is not said is as in an order: weekly full, daily differential and hourly incremental ones on the first two sites.',
    'backup begin orders --wait',
    'backup begin orders --preview',
    "backup begin orders --add-site offsite --full '0 3 * * 6' --keep 30d --wait",
  ).argument('<cluster>', CLUSTER);
  withPolicy(command);
  command.option('--add-site <site>', 'A site that gets a copy; can be repeated.', collect);
  command.option('--preview', 'Only say what would be done.');
  withHooks(command);
  withWait(command).action(async (cluster: string, flags: PolicyFlags) => {
    const session = await open();
    if ((await policyOf(session, cluster)) !== null)
      throw new CliError(`${cluster} has backups already`, EXIT.conflict, toType(`backup policy ${cluster}`));
    await change(session, cluster, await requestOf(flags, null), flags);
  });
}

/** Null: it has none. */
async function policyOf({ client }: Session, cluster: string): Promise<BackupPolicyDetailAnswer | null> {
  try {
    return await client.showBackupPolicy(cluster);
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'BACKUPS_NOT_CONFIGURED') return null;
    throw error;
  }
}

function addPolicy(backup: Command, open: Open): void {
  const command = describe(
    backup.command('policy'),
    'Show or change when the backups of a cluster are taken, where they go and how long they are kept.',
    'backup policy orders',
    "backup policy orders --full '0 3 * * 6' --differential none --time-zone Europe/Paris --keep 30d --wait",
    'backup policy orders --add-site offsite --preview',
    'backup policy orders --pre-script hold.sh --post-script go-on.sh --notify failure:dba@example.org --wait',
    "backup policy orders --dump '30 4 * * *' --dump-database sales --dump-site offsite --wait",
  ).argument('<cluster>', CLUSTER);
  withPolicy(command)
    .option('--add-site <site>', 'Another site that gets a copy; can be repeated.', collect)
    .option('--remove-site <site>', 'A site that is left, with the copies there; can be repeated.', collect)
    .option('--preview', 'Only say what would be done.');
  withHooks(command);
  withWait(command).action(async (cluster: string, flags: PolicyFlags) => {
    const session = await open();
    const current = await policyOf(session, cluster);
    const request = await requestOf(flags, current);
    if (Object.keys(request).length === 0)
      return showPolicy(session.format, current ?? (await session.client.showBackupPolicy(cluster)));
    await change(session, cluster, request, flags);
  });
}

async function change(
  session: Session,
  cluster: string,
  request: BackupPolicyRequest,
  flags: PolicyFlags,
): Promise<void> {
  const { client, format } = session;
  if (flags.preview) return showPreview(format, await client.previewBackupPolicy(cluster, request));
  await report(session, await client.changeBackupPolicy(cluster, request), flags);
}

/** What a first policy is made of. */
function withPolicy(command: Command): Command {
  return command
    .option('--full <cron>', `When full ones are taken. ${TIMES}`)
    .option('--differential <cron>', 'When differential ones are taken; as --full.')
    .option('--incremental <cron>', 'When incremental ones are taken; as --full.')
    .option('--drill <cron>', 'When a drill proves that they can be restored; as --full.')
    .option('--dump <cron>', 'When a dump is taken; as --full.')
    .option(
      '--dump-database <name>',
      'Database that goes into these dumps, or all, with the roles; can be repeated.',
      collect,
    )
    .option('--dump-site <site>', 'Site that these dumps go to, or all; can be repeated.', collect)
    .option('--time-zone <zone>', 'Time zone of these times, such as Europe/Paris.')
    .option('--keep <days or number>', 'Keep full ones for so many days (14d), or so many of them (10).', retentionOf);
}

/** What was not given is left out: it stays as it is. @param current null: the cluster has none. */
async function requestOf(flags: PolicyFlags, current: BackupPolicyDetailAnswer | null): Promise<BackupPolicyRequest> {
  const { full, differential, incremental, drill, timeZone, keep, addSite = [], removeSite = [], ...dumping } = flags;
  const schedule = {
    ...(full === undefined ? {} : { full: cronOrNone(full) }),
    ...(differential === undefined ? {} : { differential: cronOrNone(differential) }),
    ...(incremental === undefined ? {} : { incremental: cronOrNone(incremental) }),
  };
  const before = current?.sites ?? [];
  const sites = sitesOf(before, addSite, removeSite);
  const dumps = dumpsOf(dumping);
  return {
    ...(Object.keys(schedule).length === 0 ? {} : { schedule }),
    ...(drill === undefined ? {} : { drill: cronOrNone(drill) }),
    ...(Object.keys(dumps).length === 0 ? {} : { dumps }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(keep === undefined ? {} : { retention: keep }),
    ...(sites === before ? {} : { sites }),
    ...(await askedAround(flags, current ?? { hooks: NO_HOOKS })),
  };
}

/** `all` alone means all of them: a database of that name is dumped together with the others. */
function dumpsOf({ dump, dumpDatabase, dumpSite }: PolicyFlags): NonNullable<BackupPolicyRequest['dumps']> {
  const isAll = (names: readonly string[]): boolean => names.length === 1 && names[0] === 'all';
  return {
    ...(dump === undefined ? {} : { schedule: cronOrNone(dump) }),
    ...(dumpDatabase === undefined ? {} : { databases: isAll(dumpDatabase) ? 'all' : dumpDatabase }),
    ...(dumpSite === undefined ? {} : { sites: isAll(dumpSite) ? null : dumpSite }),
  };
}

/** @throws CliError for one to remove that is not there, and where none would be left. */
function sitesOf(current: readonly string[], added: readonly string[], removed: readonly string[]): readonly string[] {
  if (added.length === 0 && removed.length === 0) return current;
  const wrong = (site: string, why: string): CliError =>
    new CliError(`--remove-site ${site}: ${why}. Nothing was done.`, EXIT.usage, toType('site list'));
  const unknown = removed.find((site) => !current.includes(site));
  if (unknown !== undefined) throw wrong(unknown, `its backups are on ${current.join(', ') || 'no site'}`);
  const sites = [...current.filter((site) => !removed.includes(site)), ...added];
  if (sites.length === 0) throw wrong(removed.join(', '), 'one site has to be left: name another one by --add-site');
  return sites;
}

function retentionOf(text: string): NonNullable<BackupPolicyRequest['retention']> {
  const [, number, unit] = /^(\d{1,6})(d?)$/.exec(text) ?? [];
  if (number === undefined)
    throw new InvalidArgumentError('Write days, such as 14d, or a number of full backups, such as 10.');
  return { unit: unit === 'd' ? 'days' : 'count', full: Number(number) };
}

async function showPolicy(format: Format, policy: BackupPolicyDetailAnswer): Promise<void> {
  const { sites, schedule, drill, dumps, nextRuns, timeZone, retention, paused } = policy;
  const all = { ...schedule, drill, dump: dumps.schedule };
  const times = (type: keyof typeof all): string =>
    all[type] === null ? 'never' : `${all[type]}; next ${nextRuns[type].join(', ') || 'when it is resumed'}`;
  await printOne(format, policy, {
    state: paused ? 'paused' : 'on',
    sites: sites.join(', '),
    full: times('full'),
    differential: times('differential'),
    incremental: times('incremental'),
    drill: times('drill'),
    dump: times('dump'),
    ...(dumps.schedule === null ? {} : { 'what is dumped': dumpsInWords(dumps) }),
    'time zone': timeZone,
    ...hooksInWords(policy),
    keep: retention.unit === 'days' ? `full ones of ${retention.full} days` : `the last ${retention.full} full ones`,
  });
}
