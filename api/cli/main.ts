import { enableCompileCache } from 'node:module';

// Before the first import of weight: the second start of the command is then twice as fast.
enableCompileCache();

// `holdfast … | head` has read enough: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

void import('./run.js').then(({ run }) => run(process.argv));
