import type { Cluster } from '../../domain/clusters';
import { rescueConfig, rescueConfigFile, siteCaFile } from '../pgbackrest/config';
import type { Lineage } from '../pgbackrest/config';

/**
 * What a rescue needs of a cluster when Holdfast is gone: one thing a line, files in base64. infra/rescue/rescue.sh reads it.
 */
export function escrowContents(
  { name, spec }: Pick<Cluster, 'name' | 'spec'>,
  lineage: Lineage,
  exportedAt: string,
): string {
  const { timeline, repositories } = lineage;
  const file = (path: string, content: string): string => `file ${path} ${Buffer.from(content).toString('base64')}`;
  const lines = [
    'holdfast-escrow 1',
    `cluster ${name}`,
    `exported ${exportedAt}`,
    `stanza ${timeline.id}`,
    `major ${timeline.version}`,
    `database ${spec.database}`,
    ...repositories.map(({ place }, i) => `site ${i + 1} ${place.site} ${place.hostEndpoint}`),
    ...repositories.flatMap(({ place }) => (place.caPem === null ? [] : [file(siteCaFile(place.site), place.caPem)])),
    file(rescueConfigFile, rescueConfig(lineage)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
