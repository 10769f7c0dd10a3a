import { Argument, type Command } from 'commander';
import type { Candidate, LookUp } from './complete';
import { COMPLETION_SCRIPTS, SHELLS } from './completion-scripts';
import { describe } from './help';
import { print } from './output';
import { readSettings } from './settings';

/** Whoever presses Tab does not wait for an API that hangs. */
const PATIENCE_MS = 1_500;

export function addCompletionCommands(program: Command): void {
  describe(
    program.command('completion'),
    'Print a script that lets the shell complete commands, options, clusters and operations.',
    'completion bash >> ~/.bashrc',
    'completion zsh >> ~/.zshrc',
    'completion fish > ~/.config/fish/completions/holdfast.fish',
  )
    .addArgument(new Argument('<shell>', 'The shell that shall learn it.').choices(SHELLS))
    .addHelpText(
      'after',
      '\nThe shell then completes the command holdfast, not npx: put the bin folder of the clone on the PATH.\nIn zsh, compinit has to come first.',
    )
    .action((shell: (typeof SHELLS)[number]) => void process.stdout.write(COMPLETION_SCRIPTS[shell]));
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const { complete } = await import('./complete.js');
      const candidates = await complete(program, words, await openLookUp(words));
      for (const { value, about } of candidates) print(`${value}\t${about}`);
    });
}

/** Asks the API that the words themselves name. Without an answer there is nothing to offer, and nothing to say. */
async function openLookUp(words: readonly string[]): Promise<LookUp> {
  const { createClient } = await import('./client.js');
  const { SCOPES } = await import('../../domain/tokens.js');
  const { BACKUP_TYPES } = await import('../../domain/backups.js');
  const { CLOUDS } = await import('../../domain/clusters.js');
  const named = words.indexOf('--url');
  const settings = readSettings(named < 0 ? undefined : words[named + 1]);
  const client = createClient(settings, AbortSignal.timeout(PATIENCE_MS));
  const sources: Readonly<Record<string, () => Promise<readonly Candidate[]>>> = {
    cluster: async () =>
      (await client.listClusters()).map(({ name, spec, status }) => ({
        value: name,
        about: `${spec.plan}, ${status.state}`,
      })),
    operation: async () =>
      (await client.listOperations(undefined, 20)).map(({ id, kind, clusterName, state }) => ({
        value: id,
        about: `${kind} ${clusterName}, ${state}`,
      })),
    host: async () =>
      (await client.listHosts()).map(({ name, cluster }) => ({ value: name, about: cluster ?? 'free' })),
    cloud: () => Promise.resolve(CLOUDS.map((value) => ({ value, about: '' }))),
    plan: async () => (await client.listPlans()).map(({ name, summary }) => ({ value: name, about: summary })),
    major: async () =>
      (await client.listVersions()).items.map(({ major, minor }) => ({ value: major, about: `PostgreSQL ${minor}` })),
    token: async () =>
      (await client.listTokens())
        .filter(({ revokedAt }) => revokedAt === null)
        .map(({ id, name }) => ({ value: id, about: name })),
    // The cluster stands before it: `backup show orders …`, `restore create orders …`.
    backup: async () =>
      (await client.listBackups(words[2] ?? '', 50))
        .filter(({ state }) => state === 'succeeded')
        .map(({ id, type, startedAt }) => ({ value: id, about: `${type}, ${startedAt}` })),
    dump: async () =>
      (await client.listDumps(undefined, 50))
        .filter(({ state }) => state === 'succeeded')
        .map(({ id, database, startedAt }) => ({ value: id, about: `${database ?? 'all databases'}, ${startedAt}` })),
    type: () => Promise.resolve(BACKUP_TYPES.map((value) => ({ value, about: '' }))),
    choice: () => Promise.resolve(['keep', 'rotate'].map((value) => ({ value, about: '' }))),
    scope: () => Promise.resolve(SCOPES.map((value) => ({ value, about: '' }))),
  };
  return (placeholder) => sources[placeholder]?.().catch(() => []) ?? Promise.resolve([]);
}
