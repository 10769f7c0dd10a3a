import type { Command } from 'commander';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { report, type WaitFlags, withWait } from './command-cluster';
import { stepWords } from './lines';
import { printJson, printList, printOne } from './output';
import { type Open, timeoutOption } from './run';

export function addOperationCommands(program: Command, open: Open): void {
  const ops = program.command('ops').description('follow and steer operations');
  ops
    .command('list')
    .description('operations, newest first')
    .option('--cluster <name>', 'only those of this cluster')
    .option('--limit <n>', 'at most so many', Number, 50)
    .action(async (flags: { cluster?: string; limit: number }) => {
      const { client, format } = await open();
      await printList(format, await client.listOperations(flags.cluster, flags.limit), {
        operation: (item) => item.id,
        kind: (item) => item.kind,
        cluster: (item) => item.clusterName,
        state: (item) => item.state,
        by: (item) => item.requestedBy,
        created: (item) => item.createdAt,
      });
    });
  ops
    .command('show <operation>')
    .description('an operation with its steps')
    .action(async (id: string) => {
      const { client, format } = await open();
      const operation = await client.showOperation(id);
      if (format === 'json') return printJson(operation);
      await showOperation(operation);
    });
  ops
    .command('watch <operation>')
    .description('follow an operation to its end')
    .addOption(timeoutOption('how long to wait'))
    .action(async (id: string, { timeout }: { timeout: number }) => {
      const session = await open();
      await report(session, await session.client.showOperation(id), { wait: true, timeout });
    });
  addDecisions(ops, open);
}

function addDecisions(ops: Command, open: Open): void {
  const decisions = [
    ['cancel', 'undo an operation, as long as it can be undone'],
    ['retry', 'let an operation that needs attention go on'],
  ] as const;
  for (const [decision, description] of decisions) {
    withWait(ops.command(`${decision} <operation>`).description(description)).action(
      async (id: string, flags: WaitFlags) => {
        const session = await open();
        await report(session, await session.client.decideOperation(id, decision), {
          ...flags,
          wanted: decision === 'cancel' ? 'cancelled' : 'succeeded',
        });
      },
    );
  }
}

async function showOperation(operation: OperationAnswer): Promise<void> {
  await printOne('table', operation, {
    operation: operation.id,
    kind: operation.kind,
    cluster: operation.clusterName,
    state: operation.state,
    ...(operation.reason === null ? {} : { reason: operation.reason }),
    ...(operation.error === null ? {} : { error: `${operation.error.code}: ${operation.error.message}` }),
    'requested by': operation.requestedBy,
    created: operation.createdAt,
    finished: operation.finishedAt,
  });
  await printList('table', operation.steps, { step: (step) => step.title, state: stepWords });
}
