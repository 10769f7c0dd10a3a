import { SCRIPT_PHASES } from '../../domain/backup-hooks';
import type { HookScript, ScriptPhase } from '../../domain/backup-hooks';
import type { BackupPolicy } from '../../domain/backups';
import type { HostFile } from '../host/host';

/** Where a data node has the policy's scripts. */
export const hookFile = (phase: ScriptPhase): string => `/etc/holdfast/hooks/${phase}`;

/** Readable by all: it runs as a user that systemd makes up. */
export const scriptFile = (phase: ScriptPhase, { script: content }: HookScript): HostFile => ({
  ...{ path: hookFile(phase), content, mode: 0o755, owner: 'root:root' },
});

export const hookFiles = ({ hooks }: Pick<BackupPolicy, 'hooks'>): HostFile[] =>
  SCRIPT_PHASES.flatMap((phase) => {
    const hook = hooks[phase];
    return hook === null ? [] : [scriptFile(phase, hook)];
  });

/** Files of scripts that the policy does not have, or has no more. */
export const goneHooks = ({ hooks }: Pick<BackupPolicy, 'hooks'>): string[] =>
  SCRIPT_PHASES.filter((phase) => hooks[phase] === null).map(hookFile);
