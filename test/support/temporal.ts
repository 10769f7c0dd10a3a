import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../../domain/names';

/** A Temporal server of its own for a test file, with the search attributes that workflows set. */
export async function startTemporal(): Promise<TestWorkflowEnvironment> {
  const path = process.env['HOLDFAST_TEMPORAL_BINARY'];
  if (!path) throw new Error('HOLDFAST_TEMPORAL_BINARY is not set: run the tests by "npm test"');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      extraArgs: ['--dynamic-config-value', 'system.enableActivityEagerExecution=true'],
      searchAttributes: Object.values(SEARCH_ATTRIBUTES).map((name) =>
        defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      ),
    },
  });
}

/** Waits until `probe` gives a value; the test's own time limit ends it otherwise. */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined, everyMs = 50): Promise<T> {
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
