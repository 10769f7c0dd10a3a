import type { Command } from 'commander';
import { EXIT } from './exit';
import { describe } from './help';
import { print, printJson, say } from './output';
import type { Open } from './run';

/** Commands for whoever looks for what is wrong. */
export function addDoctorCommands(program: Command, open: Open): void {
  describe(
    program.command('doctor'),
    'Look for what is wrong with the installation and say what to do about it. Nothing is changed.',
    'doctor',
    'doctor -o json',
  ).action(async () => {
    const { format, settings } = await open();
    const { examine } = await import('./doctor/examine.js');
    const findings = await examine(settings);
    if (format === 'json') printJson(findings);
    else
      for (const { check, ok, what, remedy } of findings) {
        print(`${ok ? '✔' : '✖'} ${check}: ${what}`);
        if (remedy !== null) print(`    ${remedy}`);
      }
    const bad = findings.filter(({ ok }) => !ok).length;
    say(bad === 0 ? 'Nothing is wrong.' : bad === 1 ? 'One thing needs you.' : `${bad} things need you.`);
    process.exitCode = bad === 0 ? EXIT.ok : EXIT.error;
  });

  const support = describe(program.command('support'), 'Get help from others.', 'support bundle');
  describe(
    support.command('bundle'),
    'Pack what somebody else needs to help you into one file: findings of the doctor, clusters, operations, logs. No secret is in it.',
    'support bundle',
    'support bundle --file help.tar.gz',
  )
    .option('--file <path>', 'Write it there; default: holdfast-support-<time>.tar.gz in the working folder.')
    .action(async (flags: { file?: string }) => {
      const { settings } = await open();
      const { makeBundle } = await import('./doctor/bundle.js');
      const file = flags.file ?? `holdfast-support-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.tar.gz`;
      const left = await makeBundle(settings, file);
      print(file);
      for (const line of left) say(`Not in it: ${line}`);
      say(
        'Look into it before you send it: names of clusters, databases and machines are in it, no passwords and no keys.',
      );
    });
}
