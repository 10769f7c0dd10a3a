import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** Root of the project, both from sources and from dist/. */
const ROOT = __dirname.includes(`${'/'}dist${'/'}`) ? resolve(__dirname, '..', '..') : resolve(__dirname, '..');

/** The workflow code as one file, made at build time: workers start faster, and all run the very same code. */
export const BUNDLE_FILE = join(ROOT, 'dist', 'workflow-bundle.js');

/** Bundles the workflows; returns the code. */
export async function bundleWorkflows(): Promise<string> {
  const { code } = await bundleWorkflowCode({
    logger: new DefaultLogger('WARN'),
    workflowsPath: join(ROOT, 'workflows', 'index.ts'),
    workflowInterceptorModules: [join(ROOT, 'workflows', 'interceptors.ts')],
  });
  return code;
}

if (require.main === module) {
  void bundleWorkflows().then((code) => writeFileSync(BUNDLE_FILE, code));
}
