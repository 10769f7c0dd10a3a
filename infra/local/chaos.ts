import { runOnOwnInstallation } from './own-installation';
import { projectFile } from './project';
import { runSession } from './session';

/** `npm run chaos -- --minutes N --seed S [--fault NAME[+NAME]]`: the fault laboratory, see docs/chaos.md. */
void runSession(projectFile('.holdfast', 'chaos'), (session) =>
  runOnOwnInstallation(session, {
    module: ['laboratory', 'main.js'],
    args: process.argv.slice(2),
    remedy: 'The laboratory is not compiled: npm run chaos compiles it.',
  }),
);
