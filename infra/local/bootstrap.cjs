'use strict';

/**
 * The first thing that `npm start`, `npm test` and `npm run down`, `bench`, `chaos` and `build` run, on any Node
 * from 18 on and without a single dependency: installs what package-lock.json asks for, compiles what changed, and
 * hands over to dist/infra/local/<verb>.js under the Node that the project pins.
 */

const { createHash } = require('node:crypto');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { createProgress } = require('./progress.cjs');

const OLDEST_NODE = 18;
const root = path.resolve(__dirname, '../..');
const at = (...parts) => path.join(root, ...parts);
const SOURCES = ['domain', 'workflows', 'activities', 'workers', 'api', 'infra', 'test'];
const pinnedNode = at('node_modules/node/bin/node');
const progress = createProgress();

class Sorry extends Error {}

/** Whoever is being run at the moment, so that a signal reaches it. */
let current;

/** Runs a program to its end; its output is shown only when it fails. */
function quietly(command, args) {
  return new Promise((resolve, reject) => {
    const output = [];
    current = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    current.stdout.on('data', (chunk) => output.push(chunk));
    current.stderr.on('data', (chunk) => output.push(chunk));
    current.on('error', (error) => reject(new Sorry(`${command} can't be run: ${error.message}`)));
    current.on('close', (code, signal) => {
      current = undefined;
      if (code === 0) return resolve();
      progress.write(Buffer.concat(output).toString());
      reject(
        new Sorry(`${path.basename(command)} ${args[0] ?? ''} ended with ${signal ?? `exit code ${code}`}: see above.`),
      );
    });
  });
}

const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

/**
 * npm writes node_modules/.package-lock.json as the last thing of an installation: when it has every package that the
 * lock asks for (but those of other platforms), the installation was finished and is of this lock.
 */
function dependenciesMatch() {
  const wanted = readJson(at('package-lock.json'))?.packages ?? {};
  const installed = readJson(at('node_modules/.package-lock.json'))?.packages;
  if (!installed || !fs.existsSync(pinnedNode)) return false;
  return Object.entries(wanted).every(
    ([name, entry]) =>
      name === '' || installed[name]?.version === entry.version || (!installed[name] && (entry.optional || entry.link)),
  );
}

function filesUnder(folder) {
  if (!fs.existsSync(at(folder))) return [];
  const entries = fs.readdirSync(at(folder), { withFileTypes: true });
  return entries
    .flatMap((entry) =>
      entry.isDirectory() ? filesUnder(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
    )
    .sort();
}

/** Sizes and times of change, not contents: looking takes milliseconds. */
function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = fs.statSync(at(file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Runs `make` unless `marker` says that it was done for these very files. */
async function whenChanged(marker, files, title, make) {
  const now = fingerprint(files);
  const before = fs.existsSync(at(marker)) ? fs.readFileSync(at(marker), 'utf8') : undefined;
  if (before === now) return;
  await progress.step(title, () => make(before === undefined));
  fs.writeFileSync(at(marker), now);
}

async function compile({ checkTypes }) {
  const sources = SOURCES.flatMap(filesUnder);
  const buildInfo = 'dist/.tsbuildinfo-run';
  fs.mkdirSync(at('dist'), { recursive: true });
  await whenChanged('dist/.compiled', ['package-lock.json', 'tsconfig.json', ...sources], 'compile', async (first) => {
    if (first) fs.rmSync(at(buildInfo), { force: true });
    // Types are checked by `npm test` and `npm run build`: whoever starts Holdfast need not wait for that.
    await quietly(pinnedNode, [
      at('node_modules/typescript/bin/tsc'),
      ...['-p', '.', '--tsBuildInfoFile', buildInfo],
      ...(checkTypes ? [] : ['--noCheck']),
    ]);
    // What is read at run time from beside the code: migrations, pages, this display.
    for (const file of sources.filter((file) => !/\.(ts|cts|sh)$/.test(file) && !file.startsWith('infra/images'))) {
      fs.mkdirSync(path.dirname(at('dist', file)), { recursive: true });
      fs.copyFileSync(at(file), at('dist', file));
    }
  });
  const bundled = ['workflows', 'domain'].flatMap(filesUnder);
  await whenChanged('dist/.bundled', ['package-lock.json', 'workers/bundle.ts', ...bundled], 'workflow bundle', () =>
    quietly(pinnedNode, [at('dist/workers/bundle.js')]),
  );
}

/**
 * Ends when the verb has ended, and as it ended. The channel tells it when this process is gone, however it went, so
 * that nothing goes on without the terminal it was started from.
 */
function handOver(verb, args) {
  return new Promise((resolve) => {
    current = spawn(
      pinnedNode,
      ['--enable-source-maps', '--disable-warning=DeprecationWarning', at(`dist/infra/local/${verb}.js`), ...args],
      {
        stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      },
    );
    current.on('exit', (code, signal) => resolve(signal ? 128 + (signal === 'SIGKILL' ? 9 : 15) : code));
  });
}

/** npm passes on signals, but not that it was killed: the parent's id changes then. */
function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid === npm) return;
    current?.kill('SIGTERM');
    process.exit(1);
  }, 500).unref();
}

async function main([verb, ...args]) {
  const node = Number(process.versions.node.split('.')[0]);
  if (node < OLDEST_NODE)
    throw new Sorry(
      `Node ${OLDEST_NODE} or newer is needed to begin (this is ${node}): https://nodejs.org/en/download`,
    );
  process.chdir(root);
  process.env.HOLDFAST_BEGAN_AT = String(Date.now());
  process.env.PATH = [path.dirname(pinnedNode), at('node_modules/.bin'), process.env.PATH].join(path.delimiter);
  if (!dependenciesMatch()) {
    // Through a link, npm would change another clone's packages.
    if (fs.lstatSync(at('node_modules'), { throwIfNoEntry: false })?.isSymbolicLink())
      throw new Sorry(
        'node_modules is a link to a folder that does not match package-lock.json: run npm install there, or remove the link.',
      );
    await progress.step('dependencies', () => quietly('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']));
    if (!fs.existsSync(pinnedNode))
      throw new Sorry(
        'npm was told to ignore install scripts, which bring Node: run `npm config delete ignore-scripts` and try again.',
      );
  }
  await compile({ checkTypes: verb === 'build' });
  return verb === 'build' ? 0 : handOver(verb, args);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => current?.kill(signal));
endWithNpm();
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof Sorry ? `\n${error.message}` : error);
    process.exit(1);
  },
);
