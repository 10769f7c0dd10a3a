import { bringUp } from './environment';
import { homeFolder } from './project';
import { runSession, told } from './session';
import { welcome } from './welcome';

/** `npm start`: sets up what is missing, then serves until it is told to end. Clusters go on without it. */
void runSession(homeFolder, async (session) => {
  const { apiUrl, temporal } = await bringUp(session);
  const tookMs = Date.now() - Number(process.env['HOLDFAST_BEGAN_AT'] ?? Date.now());
  welcome(session, { apiUrl, temporalUiUrl: temporal.uiUrl, tookMs });
  await told(session.signal);
  return 0;
});
