import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { projectRoot } from '../activities/project-root';

const ROOT = projectRoot();

/** The workflow code as one file, made at build time: workers start faster, and all run the very same code. */
export const BUNDLE_FILE = join(ROOT, 'dist', 'workflow-bundle.js');

/** What tests put in the place of our own. Absolute paths. */
export interface BundleParts {
  /** Module whose exports are the workflow types. */
  readonly workflows?: string;
  /** Module with what workflows/deadlines.ts exports. */
  readonly deadlines?: string;
}

/** Bundles the workflows; returns the code. */
export async function bundleWorkflows({ workflows, deadlines }: BundleParts = {}): Promise<string> {
  const { code } = await bundleWorkflowCode({
    logger: new DefaultLogger('WARN'),
    workflowsPath: workflows ?? join(ROOT, 'workflows', 'index.ts'),
    failureConverterPath: join(ROOT, 'workflows', 'failure-converter.ts'),
    workflowInterceptorModules: [join(ROOT, 'workflows', 'interceptors.ts')],
    ...(deadlines !== undefined && {
      webpackConfigHook: (config) => ({
        ...config,
        resolve: { ...config.resolve, alias: { ...config.resolve?.alias, './deadlines': deadlines } },
      }),
    }),
  });
  return code;
}

if (require.main === module) {
  void bundleWorkflows().then((code) => writeFileSync(BUNDLE_FILE, code));
}
