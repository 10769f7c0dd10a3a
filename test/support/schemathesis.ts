import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { DescribedOperation } from './openapi';

/** Schemathesis: requests made from the API's own document, thousands of them, good and bad, and all of its checks. */

export interface Examination {
  readonly url: string;
  readonly token: string;
  readonly operations: readonly DescribedOperation[];
  /** Time for all phases together. */
  readonly seconds: number;
  readonly seed: number;
  readonly phases?: string;
  /** Operation ids; all of them by default. */
  readonly only?: readonly string[];
}

export interface Verdict {
  /** 0: nothing was found. */
  readonly code: number;
  readonly report: string;
}

/** No answer in this time counts as found: nothing may hang. */
const ANSWER_WITHIN_S = 10;

export async function runSchemathesis(examination: Examination): Promise<Verdict> {
  const python = process.env['HOLDFAST_SCHEMATHESIS_PYTHON'];
  if (!python) throw new Error('HOLDFAST_SCHEMATHESIS_PYTHON is not set: run the tests by "npm test"');
  const { url, seconds, seed, phases = 'examples,coverage,fuzzing,stateful', only = [] } = examination;
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-schemathesis-'));
  try {
    // The token stands in the file, which is its owner's alone, so that it is in no argv.
    const config = path.join(folder, 'schemathesis.toml');
    writeFileSync(config, configOf(examination), { mode: 0o600 });
    const options = [
      '--max-time',
      String(seconds),
      '--seed',
      String(seed),
      '--phases',
      phases,
      '--continue-on-failure',
    ];
    const chosen = only.flatMap((id) => ['--include-operation-id', id]);
    const command = ['-m', 'schemathesis.cli', '--no-color', '--config-file', config, 'run', `${url}/v1/openapi.json`];
    return await runIn(folder, python, [...command, ...options, ...chosen]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const list = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;

function configOf({ token, operations }: Examination): string {
  const taken = ['2xx', '401', '403', '404', '409', '410', '412', '422', '429', '503'];
  // What a JSON schema can't say: rules between fields, networks, the name of the cluster, cursors that were given out; and
  // Schemathesis takes the quotes off an ETag.
  const beyond = operations.filter(
    ({ body, parameters }) => body !== null || parameters.some(({ name }) => ['cursor', 'If-Match'].includes(name)),
  );
  return [
    `request-timeout = ${ANSWER_WITHIN_S}`,
    'max-stream-events = 50',
    '[auth.openapi.token]',
    `bearer = ${JSON.stringify(token)}`,
    '[checks.positive_data_acceptance]',
    `expected-statuses = ${list(taken)}`,
    // A deletion is an operation that takes its time, and a request repeated with its key is answered as it was at first,
    // whatever became of the resource since.
    ...['use_after_free', 'ensure_resource_availability'].flatMap((check) => [`[checks.${check}]`, 'enabled = false']),
    '[generation]',
    "database = 'none'",
    '[[operations]]',
    `include-operation-id = ${list(beyond.map(({ operationId }) => operationId))}`,
    '[operations.checks.positive_data_acceptance]',
    `expected-statuses = ${list([...taken, '400'])}`,
    '',
  ].join('\n');
}

function runIn(cwd: string, command: string, args: readonly string[]): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let report = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (report += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, report }));
  });
}
