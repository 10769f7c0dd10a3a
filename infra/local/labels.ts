import type { Home } from './home';

/** What marks a container or volume as made by an installation, and where that installation's home is. */
export const INSTALL_LABEL = 'holdfast.install';
export const HOME_LABEL = 'holdfast.home';
export const PART_LABEL = 'holdfast.part';

export const labelsOf = (home: Home, part: 'inventory'): Record<string, string> => ({
  [INSTALL_LABEL]: home.installId,
  [HOME_LABEL]: home.folder,
  [PART_LABEL]: part,
});
