import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { CliError, EXIT } from './exit';

/** Passphrases: from the terminal, unseen, or from a file; never from the command line, which others can read. */

const SHORTEST = 12;

/** @param file whose first line it is; default: asks for it twice on the terminal. @throws CliError. */
export async function readPassphrase(file: string | undefined): Promise<string> {
  const passphrase = file === undefined ? await askTwice() : firstLine(file);
  if (passphrase.length >= SHORTEST) return passphrase;
  throw new CliError(`A passphrase has at least ${SHORTEST} characters.`, EXIT.usage);
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0] ?? '';
  } catch {
    throw new CliError(`${file} can't be read.`, EXIT.usage);
  }
}

async function askTwice(): Promise<string> {
  if (!process.stdin.isTTY)
    throw new CliError('There is no terminal to ask for a passphrase: give it by --passphrase-file.', EXIT.usage);
  const first = await ask('Passphrase: ');
  if (first === (await ask('The same again: '))) return first;
  throw new CliError('These are two different passphrases.', EXIT.usage);
}

/** What is typed is not shown. */
async function ask(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once('close', () => reject(new CliError('No passphrase was given.', EXIT.interrupted)));
      terminal.question('', resolve);
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
