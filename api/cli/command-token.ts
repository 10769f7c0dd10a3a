import type { Command } from 'commander';
import { CliError } from './exit';
import { print, printJson, printList, say } from './output';
import type { Open } from './run';

const SCOPES_HELP = 'clusters:read, clusters:write, credentials:read, tokens:write; can be repeated';

export function addTokenCommands(program: Command, open: Open): void {
  const token = program.command('token').description('who may use the API');
  token
    .command('create <name>')
    .description('make a token; it is shown this once')
    .requiredOption('--scope <scope>', SCOPES_HELP, (scope: string, before: string[] = []) => [...before, scope])
    .option('--days <n>', 'life time', Number, 90)
    .action(async (name: string, flags: { scope: string[]; days: number }) => {
      const { client, format } = await open();
      const made = await client.createToken({ name, scopes: flags.scope, expiresInDays: flags.days });
      if (format === 'json') return printJson(made);
      if (made.token === null) throw new CliError('The token was made before and is not shown again.');
      print(made.token);
      say(`${made.id} until ${made.expiresAt}. It is not shown again.`);
    });
  token
    .command('list')
    .description('tokens of the project')
    .action(async () => {
      const { client, format } = await open();
      await printList(format, await client.listTokens(), {
        token: (item) => item.id,
        name: (item) => item.name,
        scopes: (item) => item.scopes.join(','),
        expires: (item) => item.expiresAt,
        state: (item) =>
          item.revokedAt === null ? (Date.parse(item.expiresAt) > Date.now() ? 'valid' : 'expired') : 'revoked',
        'last used': (item) => item.lastUsedAt,
      });
    });
  token
    .command('revoke <id>')
    .description('at once and for ever')
    .action(async (id: string) => {
      const { client } = await open();
      await client.revokeToken(id);
      say(`${id} is revoked.`);
    });
}
