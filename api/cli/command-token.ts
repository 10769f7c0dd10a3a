import type { Command } from 'commander';
import { SCOPES } from '../../domain/tokens';
import { CliError } from './exit';
import { describe } from './help';
import { print, printJson, printList, say } from './output';
import type { Open } from './run';

export function addTokenCommands(program: Command, open: Open): void {
  const token = describe(program.command('token'), 'Say who may use the API, and what for.', 'token list');
  addCreate(token, open);
  describe(token.command('list'), 'List the tokens of the project, without their text.', 'token list').action(
    async () => {
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
    },
  );
  describe(
    token.command('revoke'),
    'Revoke a token, at once and for ever.',
    'token revoke tok_01m7xfpycdf6dnev2ndz8p0wht',
  )
    .argument('<token>', 'Id of the token, which is not its text.')
    .action(async (id: string) => {
      const { client } = await open();
      await client.revokeToken(id);
      say(`${id} is revoked.`);
    });
}

function addCreate(token: Command, open: Open): void {
  describe(
    token.command('create'),
    'Make a token and print it; it is not shown again.',
    'token create ci --scope clusters:read --scope clusters:write --days 30',
  )
    .argument('<name>', 'Whose it is or what for, for people.')
    .requiredOption(
      '--scope <scope>',
      `What it may do: ${SCOPES.join(', ')}; can be repeated.`,
      (scope: string, before: string[] = []) => [...before, scope],
    )
    .option('--days <number>', 'Days until it expires, 365 at the most.', Number, 90)
    .action(async (name: string, flags: { scope: string[]; days: number }) => {
      const { client, format } = await open();
      const made = await client.createToken({ name, scopes: flags.scope, expiresInDays: flags.days });
      if (format === 'json') return printJson(made);
      if (made.token === null) throw new CliError('The token was made before and is not shown again.');
      print(made.token);
      say(`${made.id} until ${made.expiresAt}. It is not shown again.`);
    });
}
