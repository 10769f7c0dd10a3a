import { listInstallations } from '../../activities/cloud/docker/installation';
import { removeInstallation } from './clusters';
import type { Engine } from './engine';
import { startedByHoldfast } from './engine';
import { isOwned, unregister } from './installations';
import type { Session } from './session';

/**
 * Removes what installations left whose home folder is gone: nobody can start or remove them any more. Only on an
 * engine that Holdfast started: what lies on another one is for others to judge, and their homes may be elsewhere.
 */
export async function removeAbandoned({ progress }: Pick<Session, 'progress'>, engine: Engine): Promise<void> {
  if (!startedByHoldfast(engine)) return;
  const installations = await listInstallations(engine.docker);
  for (const installation of installations.filter(({ installId, home }) => !isOwned(installId, home))) {
    await progress.step(`remove what ${installation.home} left, which is gone`, () =>
      removeInstallation(engine, installation),
    );
    unregister(installation.installId);
  }
}
