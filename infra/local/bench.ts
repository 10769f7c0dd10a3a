import { runOnOwnInstallation } from './own-installation';
import { projectFile } from './project';
import { runSession } from './session';

/**
 * `npm run bench NAME [argument...]`: runs test/bench/NAME.ts, see docs/bench.md. HOLDFAST_BENCH_TEMPORAL (host:port)
 * offers a Temporal server to measure.
 */
const [name = '', ...args] = process.argv.slice(2);

void runSession(projectFile('.holdfast', 'bench'), (session) =>
  runOnOwnInstallation(session, {
    module: ['bench', /^[\w-]+$/.test(name) ? `${name}.js` : 'none'],
    args,
    remedy: 'Name a benchmark of test/bench, such as: npm run bench provision',
    temporal: process.env['HOLDFAST_BENCH_TEMPORAL'],
  }),
);
