import { Command, Help, InvalidArgumentError, Option } from 'commander';
import { COMMAND, toType } from './called-as';

/** How help is written: sentences that say what a command does, and lines to copy. A test holds that none lacks them. */

/** @param examples command lines without the command's own name. */
export function describe(command: Command, sentence: string, ...examples: string[]): Command {
  return command
    .description(sentence)
    .addHelpText('after', exampleText(examples))
    .showHelpAfterError(`(${toType([...wordsOf(command), '--help'].join(' '))} tells more)`);
}

/** `cluster`, `create`: how a command is called, without the program's name. */
export function wordsOf(command: Command): string[] {
  return command.parent === null ? [] : [...wordsOf(command.parent), command.name()];
}

function exampleText(examples: readonly string[]): string {
  return `\nExample${examples.length === 1 ? '' : 's'}:\n${examples.map((line) => `  ${toType(line)}`).join('\n')}`;
}

/** The command without its commands: its name as it was called, its options and its help. */
export function createRoot(): Command {
  const root = new Command(COMMAND)
    .helpOption('-h, --help', 'Show this help.')
    .helpCommand('help [command]', 'Show the help of a command.')
    .addOption(
      new Option('-o, --output <format>', 'Print tables for people or JSON for programs.')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option('--url <url>', 'Use this API rather than the one of HOLDFAST_URL or .holdfast/url.')
    .configureHelp({ showGlobalOptions: true, visibleOptions: withVersion })
    .exitOverride();
  const examples = ['plan list', 'cluster create orders --plan ha-s --wait', 'psql orders', 'ops list'];
  return describe(root, 'Order, watch and delete PostgreSQL clusters, and connect to them.', ...examples).addHelpText(
    'after',
    `
The token comes from HOLDFAST_TOKEN, else from .holdfast/token, where npm start keeps the first one.
Exit codes: 0 ok, 1 error, 2 usage, 3 operation failed, 4 wait timed out, 5 conflict, 6 not authorised.`,
  );
}

/** Told, but not known to the parser: it would take the `--version` of `cluster create` for its own. */
function withVersion(command: Command): Option[] {
  const options = new Help().visibleOptions(command);
  const version = new Option('-V, --version', 'Print the release of this command and of the API.');
  return command.parent === null ? [version, ...options] : options;
}

/** `--timeout`, in milliseconds once parsed; the help shows its default as one would type it. */
export function timeoutOption(sentence: string): Option {
  return new Option('--timeout <duration>', sentence).argParser(parseDuration).default(30 * 60_000, '30m');
}

/** `90s`, `10m`, `1h` or plain seconds, as milliseconds. */
function parseDuration(text: string): number {
  const match = /^(\d{1,6})(s|m|h)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write 90s, 10m or 1h.');
  return Number(match[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[match[2] === 'm' || match[2] === 'h' ? match[2] : 's'];
}
