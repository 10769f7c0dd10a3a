import { HoldfastError } from '../../../domain/errors';
import type { Tags } from '../cloud';
import type { DockerCloudOptions } from './options';

/** Names and labels of all that Holdfast makes on an engine. */

export const LABEL = {
  install: 'holdfast.install',
  home: 'holdfast.home',
  token: 'holdfast.token',
  failureDomain: 'holdfast.failure-domain',
  address: 'holdfast.address',
  ports: 'holdfast.ports',
} as const;

type Owner = Pick<DockerCloudOptions, 'installId' | 'home'>;

/**
 * The name of what a token stands for. Two tokens never share one, nor do two installations: neither may hold a dot.
 * @throws CLOUD_REFUSED for a token that no name can be made of.
 */
export function objectName(installId: string, token: string): string {
  if (!/^[\w-]+$/.test(installId) || !/^[\w-]+(\/[\w-]+)*$/.test(token)) {
    const detail = `'${installId}' and '${token}' may hold letters, digits, '_' and '-' only, and '/' within the token`;
    throw new HoldfastError('CLOUD_REFUSED', { cloud: 'docker', verb: 'name a resource', detail });
  }
  return `holdfast-${installId}.${token.replaceAll('/', '.')}`;
}

export function ownerLabels({ installId, home }: Owner): Record<string, string> {
  return { [LABEL.install]: installId, [LABEL.home]: home };
}

export function labelsOf(owner: Owner, token: string, tags: Tags): Record<string, string> {
  return { ...tags, ...ownerLabels(owner), [LABEL.token]: token };
}

/** Filter for the engine's lists: what carries all of these labels. */
export function labelFilter(labels: Tags): { label: string[] } {
  return { label: Object.entries(labels).map(([key, value]) => `${key}=${value}`) };
}
