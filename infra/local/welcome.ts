import { relative } from 'node:path';
import { seconds } from './progress.cjs';
import type { Session } from './session';

export interface Welcome {
  readonly apiUrl: string;
  readonly temporalUiUrl: string | null;
  /** The token is shown once, when it was made. */
  readonly firstStart: boolean;
  readonly tookMs: number;
}

/** What the reader needs to go on: where everything is, and the next command. */
export function welcome({ home }: Session, { apiUrl, temporalUiUrl, firstStart, tookMs }: Welcome): string {
  const token = relative(process.cwd(), home.path('token'));
  return [
    '',
    `Holdfast is ready (${seconds(tookMs)}).`,
    `  API              ${apiUrl}`,
    `  API reference    ${apiUrl}/v1/docs`,
    ...(temporalUiUrl ? [`  Temporal Web UI  ${temporalUiUrl}`] : []),
    `  API token        ${firstStart ? `${home.read('token')}  (shown once; kept in ${token})` : `in ${token}`}`,
    '',
    'Next, in another terminal: order a highly available PostgreSQL cluster and watch it being made.',
    '',
    `  curl ${apiUrl}/v1/clusters -H "Authorization: Bearer $(cat ${token})" \\`,
    `    -H 'Content-Type: application/json' -d '{"name":"orders","plan":"ha-s"}'`,
    '',
    'The same with the command:',
    '',
    `  npx holdfast cluster create orders --plan ha-s --wait`,
    '',
    'Ctrl-C stops Holdfast and leaves the clusters running; npm run down removes everything.',
    '',
  ].join('\n');
}
