import type { Command } from 'commander';
import { secondsOf } from '../../domain/drill-words';
import { targetInWords } from '../../domain/restore-targets';
import type { DrillAnswer, DrillDetailAnswer } from '../../domain/schemas/drills';
import { toType } from './called-as';
import { CLUSTER, NEWEST } from './command-cluster';
import { showPreview } from './cluster-text';
import { describe } from './help';
import { bytes, duration, printList, printOne, say } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open, Session } from './run';

/** `drill`: proof that backups can be restored. */

const EXAMPLE_ID = 'drl_01m7xfpycdf6dnev2ndz8p0wht';

export function addDrillCommands(program: Command, open: Open): void {
  const drill = describe(
    program.command('drill'),
    'Prove that the backups of a cluster can be restored.',
    'drill run orders --wait',
    'drill list orders',
  );
  addRun(drill, open);
  describe(drill.command('list'), 'List the drills of a cluster, the newest first.', 'drill list orders')
    .argument('<cluster>', CLUSTER)
    .option(...NEWEST)
    .action(async (cluster: string, { limit }: { limit?: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listDrills(cluster, limit), {
        drill: (item) => item.id,
        state: (item) => item.state,
        'restored to': (item) => target(item),
        from: (item) => item.site,
        database: (item) => item.databaseBytes && bytes(item.databaseBytes),
        started: (item) => item.startedAt,
        took: (item) => took(item),
        by: (item) => item.requestedBy,
      });
    });
  describe(drill.command('show'), 'Show a drill with its evidence.', `drill show orders ${EXAMPLE_ID}`)
    .argument('<cluster>', CLUSTER)
    .argument('<drill>', `Id of the drill, such as ${EXAMPLE_ID}.`)
    .action(async (cluster: string, id: string) => {
      const { client, format } = await open();
      const found = await client.showDrill(cluster, id);
      await printOne(format, found, evidenceOf(found));
    });
}

function addRun(drill: Command, open: Open): void {
  const command = describe(
    drill.command('run'),
    'Restore the backups of a cluster now, into hosts that are thrown away, to a time that is chosen by chance.',
    'drill run orders --wait',
    'drill run orders --preview',
  )
    .argument('<cluster>', CLUSTER)
    .option('--preview', 'Only say what would be done.');
  withWait(command).action(async (cluster: string, flags: WaitFlags & { readonly preview?: boolean }) => {
    const session = await open();
    if (flags.preview) return showPreview(session.format, await session.client.previewDrill(cluster));
    const operation = await session.client.holdDrill(cluster);
    await report(session, operation, flags);
    if (flags.wait) await tellVerdict(session, cluster, operation.id);
  });
}

/** What a drill that has succeeded has proven. */
async function tellVerdict({ client }: Session, cluster: string, operation: string): Promise<void> {
  const held = (await client.listDrills(cluster, LATELY)).find(({ operationId }) => operationId === operation);
  if (held === undefined) return;
  const { checks } = await client.showDrill(cluster, held.id);
  const found = checks.map(({ name, detail }) => `${name}: ${detail}`);
  say(`${cluster} can be restored, as this drill has shown: ${[target(held), ...found].join('; ')}`);
  say(`Next: ${toType(`drill show ${cluster} ${held.id}`)}`);
}

/** There may be a newer one by the end of one that was waited for. */
const LATELY = 5;

const target = (drill: DrillAnswer): string | null => drill.target && targetInWords(drill.target);

function took(drill: DrillAnswer): string | null {
  const seconds = secondsOf(drill);
  return seconds === null ? null : duration(seconds * 1000);
}

function evidenceOf(drill: DrillDetailAnswer): Record<string, string | null> {
  return {
    drill: drill.id,
    state: drill.state,
    ...(drill.error === null ? {} : { error: `${drill.error.code}: ${drill.error.message}` }),
    'restored to': target(drill),
    'newest commit': drill.restoredTo,
    site: drill.site,
    backup: drill.setId,
    databases: drill.databaseBytes === null ? null : bytes(drill.databaseBytes),
    ...Object.fromEntries(
      drill.checks.map(({ name, passed, detail }) => [name, `${passed ? 'good' : 'WRONG'}: ${detail}`]),
    ),
    ...Object.fromEntries(
      drill.phases.map(({ title, state, seconds }) => [title, seconds === null ? state : duration(seconds * 1000)]),
    ),
    'requested by': drill.requestedBy,
    operation: drill.operationId,
    started: drill.startedAt,
    proven: drill.provenAt,
    finished: drill.finishedAt,
    took: took(drill),
  };
}
