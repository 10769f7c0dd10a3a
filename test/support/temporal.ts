import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../../domain/names';

/**
 * A Temporal server of its own for a test file, with the search attributes that workflows set.
 *
 * @param dynamicConfig settings of the server by their names, besides ours.
 */
export async function startTemporal(
  dynamicConfig: Readonly<Record<string, number | string>> = {},
): Promise<TestWorkflowEnvironment> {
  const path = process.env['HOLDFAST_TEMPORAL_BINARY'];
  if (!path) throw new Error('HOLDFAST_TEMPORAL_BINARY is not set: run the tests by "npm test"');
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const settings = Object.entries({ 'system.enableActivityEagerExecution': true, ...dynamicConfig });
  return TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      extraArgs: settings.flatMap(([name, value]) => ['--dynamic-config-value', `${name}=${JSON.stringify(value)}`]),
      searchAttributes: Object.values(SEARCH_ATTRIBUTES).map((name) =>
        defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
      ),
    },
  });
}
