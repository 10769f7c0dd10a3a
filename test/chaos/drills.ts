import { differs } from './differs';
import type { Experiment, Outcome } from './experiment';
import type { Laboratory } from './laboratory';

/** What is wrong with the evidence of a drill, and with what its source tells of it, one sentence each. */
export async function aboutDrill(
  { inventory, scratch }: Laboratory,
  { kind, cancelAt, source }: Experiment,
  { operation }: Outcome,
): Promise<string[]> {
  if (kind !== 'drill' || !source) return [];
  const drill = await inventory.drills.ofOperation(operation.id);
  const told = await scratch.query<{ action: string }>(`select action from audit_log where details ->> 'drill' = $1`, [
    drill.id,
  ]);
  const all = [drill.state, drill.error, drill.checks.length, told.map(({ action }) => action)];
  if (cancelAt !== undefined && drill.provenAt === null) {
    const looked = drill.checks.length;
    return differs('the drill', all, ['cancelled', null, looked, []]);
  }
  const provenAt = async (): Promise<string | null | undefined> => {
    const { timelineId, site, setId } = drill;
    return (await inventory.backups.findCopy({ timelineId, site: site ?? '', setId: setId ?? '' }))?.lastVerifiedAt;
  };
  const { lastProvenRestore, status } = (await inventory.clusters.get(source.id)) ?? {};
  const condition = status?.conditions.find(({ type }) => type === 'RestoreProven');
  return [
    ...differs('the drill', all, ['succeeded', null, 5, ['drill proven']]),
    ...differs('its checks', [...new Set(drill.checks.map(({ passed }) => passed))], [true]),
    ...differs('what it read', [drill.target !== null, drill.site !== null, drill.setId !== null], [true, true, true]),
    ...differs('the set is proven', await provenAt(), drill.provenAt),
    ...differs('the last proven restore', lastProvenRestore?.drillId, drill.id),
    ...differs('the condition', [condition?.status, condition?.reason], [true, 'Proven']),
  ];
}
