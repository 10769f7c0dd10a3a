import { createClient } from '../client';
import { findHome } from '../settings';
import type { CliSettings } from '../settings';
import { examineControlPlane } from './control-plane';
import type { Finding } from './finding';
import { examineMachine } from './machine';
import { examineProject } from './project';

const PATIENCE_MS = 30_000;

/** Looks at everything and changes nothing. */
export async function examine(settings: CliSettings): Promise<Finding[]> {
  const machine = await examineMachine(findHome(process.env['HOLDFAST_HOME']));
  const controlPlane = await examineControlPlane(settings);
  // A project can only be asked for when API and inventory are there.
  const reachable = controlPlane.every(({ check, ok }) => ok || !['API', 'inventory'].includes(check));
  const client = createClient(settings, AbortSignal.timeout(PATIENCE_MS));
  return [...machine, ...controlPlane, ...(reachable ? await examineProject(client) : [])];
}
