/** How the progress of a step says that there was nothing to do, or nothing of a part of it. People read that of its end too. */

const NOTHING = 'nothing to ';
const AT_ALL = `${NOTHING}do, `;

/** @param verb `do` where it is the whole step, else what it would have done. @param why `there is no script`. */
export const nothingTo = (verb: string, why: string): string => `${NOTHING}${verb}, ${why}`;

/** Nothing of a part of the step, or of all of it. */
export const tellsNothing = (progress: string | null): progress is string => progress?.startsWith(NOTHING) ?? false;

/** Nothing at all was done in the step. */
export const tellsNoWork = (progress: string | null): progress is string => progress?.startsWith(AT_ALL) ?? false;

/** Of a cluster that was ordered without backups, for steps that are about them. */
export const WITHOUT_BACKUPS = 'it has no backups';

/** Of a backup whose policy has none. */
export const NO_SCRIPT = 'there is no script';
