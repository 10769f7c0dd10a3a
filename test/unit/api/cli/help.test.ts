import type { Command } from 'commander';
import { OPTION_OF } from '../../../../api/cli/field-options';
import { COMPLETION_SCRIPTS } from '../../../../api/cli/completion-scripts';
import { calledAs, COMMAND } from '../../../../api/cli/called-as';
import { wordsOf } from '../../../../api/cli/help';
import { createProgram } from '../../../../api/cli/run';
import { createClusterSchema, deleteClusterSchema } from '../../../../domain/schemas/clusters';
import { restoreDatabaseSchema } from '../../../../domain/schemas/database-restores';
import { takeBackupSchema } from '../../../../domain/schemas/backups';
import { restoreClusterSchema, restoreTargetSchema } from '../../../../domain/schemas/restores';
import { beginMaintenanceSchema } from '../../../../domain/schemas/maintenance';
import { switchoverSchema } from '../../../../domain/schemas/switchovers';
import { registerHostSchema } from '../../../../domain/schemas/hosts';
import { tokenRequestSchema } from '../../../../domain/schemas/tokens';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = createProgram();
const visible = (command: Command): Command[] => [
  command,
  ...command
    .createHelp()
    .visibleCommands(command)
    .filter((below) => command.commands.includes(below))
    .flatMap(visible),
];
const all = visible(program).map((command) => ({ name: wordsOf(command).join(' ') || 'holdfast', command }));

/** The whole help, as it is printed. */
function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
  return text;
}

test('there is help for all commands that there are', () => {
  expect(all.length).toBeGreaterThan(20);
});

test.each(all)('the help of $name is in sentences, with an example that exists', ({ command }) => {
  const help = command.createHelp();
  const sentences = [
    command.description(),
    ...help.visibleOptions(command).map(({ description }) => description),
    ...command.registeredArguments.map(({ description }) => description),
    ...help.visibleCommands(command).map((below) => below.description()),
  ];
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);

  const [, examples = ''] = /\nExamples?:\n((?: {2}.*\n?)+)/.exec(helpOf(command)) ?? [];
  const lines = examples.trim().split('\n');
  expect(lines[0]).toContain(`${COMMAND} `);
  for (const line of lines) expect(unknownIn(line.trim().slice(COMMAND.length + 1))).toEqual([]);
});

/** Options of an example that its command does not know. */
function unknownIn(line: string): string[] {
  const words = line.split(' -- ')[0]?.split(' ') ?? [];
  const command = words.reduce<Command>(
    (found, word) => found.commands.find((below) => below.name() === word) ?? found,
    program,
  );
  expect(command).not.toBe(program);
  const known = [...command.options, ...program.options].flatMap(({ long, short }) => [long, short]);
  return words.filter((word) => word.startsWith('-') && !known.includes(word));
}

test('each field that a command sends is told by the option or argument that gives it', () => {
  const sent: [string, string[]][] = [
    ['cluster create', Object.keys(createClusterSchema.shape)],
    ['cluster delete', Object.keys(deleteClusterSchema.shape)],
    ['backup create', Object.keys(takeBackupSchema.shape)],
    ['restore create', Object.keys(restoreClusterSchema.shape)],
    ['restore create', Object.keys(restoreTargetSchema.shape).map((field) => `target/${field}`)],
    ['restore database', Object.keys(restoreDatabaseSchema.shape)],
    ['backup policy', ['drill', 'dumps/schedule', 'dumps/databases', 'dumps/sites', 'timeZone', 'retention']],
    ['backup begin', ['drill', 'dumps/schedule', 'dumps/databases', 'dumps/sites', 'timeZone', 'retention', 'sites']],
    ['backup begin', ['hooks', 'hooks/pre/script', 'hooks/post/script', 'hooks/pre/timeoutSeconds', 'notify']],
    ['backup policy', ['hooks', 'hooks/pre/script', 'hooks/post/script', 'hooks/pre/timeoutSeconds', 'notify']],
    ['switchover', Object.keys(switchoverSchema.shape)],
    ['maintenance start', Object.keys(beginMaintenanceSchema.shape)],
    ['token create', Object.keys(tokenRequestSchema.shape)],
    ['host add', Object.keys(registerHostSchema.shape)],
    ['ops list', ['cluster', 'limit']],
  ];
  for (const [name, fields] of sent) {
    const command = all.find((entry) => entry.name === name)?.command;
    const places = [
      ...(command?.options.map(({ long }) => long) ?? []),
      ...(command?.registeredArguments.map((argument) => `<${argument.name()}>`) ?? []),
    ];
    for (const field of fields) expect(places).toContain(OPTION_OF[field]);
  }
});

test('completion scripts are there for the shells that the help names', () => {
  const completion = all.find(({ name }) => name === 'completion')?.command;
  expect(completion?.registeredArguments[0]?.argChoices).toEqual(Object.keys(COMPLETION_SCRIPTS));
});

describe('hints begin with what the reader types', () => {
  let folder: string;
  let command: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'called-as-'));
    mkdirSync(path.join(folder, 'bin'));
    command = path.join(folder, 'bin', 'holdfast');
    writeFileSync(command, '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('npx holdfast, when npx runs it', () => {
    expect(calledAs({ npm_command: 'exec', HOLDFAST_CALLED_AS: '/x/_npx/holdfast' })).toBe('npx holdfast');
  });

  test('its name, when that finds it', () => {
    const PATH = `/none:${path.dirname(command)}`;
    expect(calledAs({ HOLDFAST_CALLED_AS: command, PATH })).toBe('holdfast');
  });

  test('the path that was typed, when its name finds nothing or another one', () => {
    expect(calledAs({ HOLDFAST_CALLED_AS: command, PATH: '/none' })).toBe(command);
    expect(calledAs({ HOLDFAST_CALLED_AS: './bin/holdfast', PATH: path.dirname(command) })).toBe('./bin/holdfast');
  });
});
