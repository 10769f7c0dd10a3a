import { enableCompileCache } from 'node:module';

// Before the first import of weight: the second start of the command is then twice as fast.
enableCompileCache();

void import('./run.js').then(({ run }) => run(process.argv));
