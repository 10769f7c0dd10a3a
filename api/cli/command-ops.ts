import type { Command } from 'commander';
import { readInWords } from '../../domain/restored';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { describe, timeoutOption } from './help';
import { stepWords } from './lines';
import { printJson, printList, printOne } from './output';
import { report, type WaitFlags, withWait } from './report';
import type { Open } from './run';

const OPERATION = 'Id of the operation, such as op_01m7xfpycdf6dnev2ndz8p0wht.';
const EXAMPLE_ID = 'op_01m7xfpycdf6dnev2ndz8p0wht';

export function addOperationCommands(program: Command, open: Open): void {
  const ops = describe(program.command('ops'), 'Follow and steer operations.', 'ops list');
  addList(ops, open);
  describe(ops.command('show'), 'Show an operation with its steps.', `ops show ${EXAMPLE_ID}`)
    .argument('<operation>', OPERATION)
    .action(async (id: string) => {
      const { client, format } = await open();
      const operation = await client.showOperation(id);
      if (format === 'json') return printJson(operation);
      await showOperation(operation);
    });
  describe(ops.command('watch'), 'Follow an operation to its end.', `ops watch ${EXAMPLE_ID}`)
    .argument('<operation>', OPERATION)
    .addOption(timeoutOption('Stop watching after this time, such as 90s, 10m or 1h; the operation goes on.'))
    .action(async (id: string, { timeout }: { timeout: number }) => {
      const session = await open();
      await report(session, await session.client.showOperation(id), { wait: true, timeout });
    });
  addDecisions(ops, open);
}

function addList(ops: Command, open: Open): void {
  describe(ops.command('list'), 'List operations, the newest first.', 'ops list --cluster orders')
    .option('--cluster <cluster>', 'Only those of this cluster.')
    .option('--limit <number>', 'At most this many, 200 at the most.', Number, 50)
    .action(async (flags: { cluster?: string; limit: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listOperations(flags.cluster, flags.limit), {
        operation: (item) => item.id,
        kind: (item) => item.kind,
        cluster: (item) => item.subject,
        state: (item) => item.state,
        step: (item) => item.currentStep,
        by: (item) => item.requestedBy,
        created: (item) => item.createdAt,
      });
    });
}

function addDecisions(ops: Command, open: Open): void {
  const decisions = [
    ['cancel', 'Undo an operation, as long as it can be undone.'],
    ['retry', 'Let an operation that needs attention go on.'],
    ['approve', 'Let an operation that waits for approval go on.'],
  ] as const;
  for (const [decision, sentence] of decisions) {
    const command = describe(ops.command(decision), sentence, `ops ${decision} ${EXAMPLE_ID} --wait`);
    withWait(command.argument('<operation>', OPERATION)).action(async (id: string, flags: WaitFlags) => {
      const session = await open();
      await report(session, await session.client.decideOperation(id, decision), {
        ...flags,
        wanted: decision === 'cancel' ? 'cancelled' : 'succeeded',
      });
    });
  }
}

async function showOperation(operation: OperationAnswer): Promise<void> {
  const { temporal } = operation.links;
  await printOne('table', operation, {
    operation: operation.id,
    kind: operation.kind,
    cluster: operation.clusterName,
    ...(operation.subject === operation.clusterName ? {} : { of: operation.subject }),
    state: operation.state,
    ...(operation.reason === null ? {} : { reason: operation.reason }),
    ...(operation.error === null ? {} : { error: `${operation.error.code}: ${operation.error.message}` }),
    ...restoredLines(operation.restored),
    ...(operation.node === null ? {} : { node: nodeInWords(operation.node) }),
    ...switchedLine(operation.switchover),
    ...(operation.recovery === null ? {} : { 'comes back as of': operation.recovery.upTo }),
    'requested by': operation.requestedBy,
    created: operation.createdAt,
    finished: operation.finishedAt,
    ...(temporal === null ? {} : { 'Temporal Web UI': temporal }),
  });
  await printList('table', operation.steps, { step: (step) => step.title, state: stepWords });
}

const nodeInWords = ({ name, was }: NonNullable<OperationAnswer['node']>): string =>
  was === null ? name : `${name}, which was ${was === 'primary' ? 'the' : 'a'} ${was}`;

const switchedLine = (switchover: OperationAnswer['switchover']): Record<string, string> =>
  switchover?.from && switchover.to ? { switchover: `from ${switchover.from} to ${switchover.to}` } : {};

const restoredLines = (restored: OperationAnswer['restored']): Record<string, string> => ({
  ...(restored?.from ? { read: readInWords(restored.from) } : {}),
  ...Object.fromEntries(
    (restored?.checks ?? []).map(({ name, passed, detail }) => [name, `${passed ? 'ok' : 'NO'}: ${detail}`]),
  ),
});
