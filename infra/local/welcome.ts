import { join, relative } from 'node:path';
import type { Home } from './home';
import { seconds } from './progress.cjs';
import { projectFolder } from './project';
import type { Session } from './session';

export interface Welcome {
  readonly apiUrl: string;
  readonly temporalUiUrl: string | null;
  readonly tookMs: number;
}

/** Its file tells that the reader has seen the token: whether it was made says nothing, because a start can be killed. */
const SHOWN_FILE = 'token-shown';

/** Tells the reader what is needed to go on: where everything is, and the next command. The token itself only once. */
export function welcome({ home, progress }: Pick<Session, 'home' | 'progress'>, facts: Welcome): void {
  progress.say(greeting(home, facts));
  home.write(SHOWN_FILE, new Date().toISOString());
}

function greeting(home: Home, { apiUrl, temporalUiUrl, tookMs }: Welcome): string {
  const shown = home.read(SHOWN_FILE) !== null;
  const token = relative(process.cwd(), home.path('token'));
  // In the clone the command finds the home, and in it the URL and the token, by itself.
  const elsewhere = home.folder !== join(projectFolder, '.holdfast');
  return [
    '',
    `Holdfast is ready (${seconds(tookMs)}).`,
    `  API              ${apiUrl}`,
    `  API reference    ${apiUrl}/v1/docs`,
    ...(temporalUiUrl ? [`  Temporal Web UI  ${temporalUiUrl}`] : []),
    `  API token        ${shown ? `in ${token}` : `${home.read('token')}  (shown once; kept in ${token})`}`,
    '',
    'Next, in another terminal: order a highly available PostgreSQL cluster and watch it being made.',
    '',
    `  curl ${apiUrl}/v1/clusters -H "Authorization: Bearer $(cat ${token})" \\`,
    `    -H 'Content-Type: application/json' -d '{"name":"orders","plan":"ha-s"}'`,
    '',
    'The same with the command:',
    '',
    `  ${elsewhere ? `HOLDFAST_HOME=${home.folder} ` : ''}npx holdfast cluster create orders --plan ha-s --wait`,
    '',
    'Ctrl-C stops Holdfast and leaves the clusters running; npm run down deletes the clusters, their backups in the local stores, and Holdfast itself.',
    '',
  ].join('\n');
}
