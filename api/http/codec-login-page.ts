import type { Response } from 'express';
import type { ZodOpenApiPathItemObject } from 'zod-openapi';
import { problemsOf } from './openapi';

export const LOGIN_PATH = '/v1/codec/login';
/** Largest form that it reads. */
export const FORM_LIMIT_BYTES = 4096;

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/**
 * The page on which an operator signs in for the Temporal Web UI.
 *
 * @param outcome `signed in`, why not, or null before anything was tried.
 */
export function codecLoginPage(response: Response, temporalUiUrl: string | null, outcome: string | null): void {
  const body = outcome === 'signed in' ? signedIn(temporalUiUrl) : form(outcome);
  response.set('Content-Security-Policy', CONTENT_SECURITY_POLICY).type('html').send(page(body));
}

const page = (body: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Holdfast: histories</title>
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em }
    input { width: 100%; font: inherit; margin: .5em 0 } [role=alert] { color: #a00 }</style>
  </head>
  <body>
${body}
  </body>
</html>
`;

const form = (problem: string | null): string => `    <h1>See histories in the Temporal Web UI</h1>
    ${problem === null ? '' : `<p role="alert">${escapeHtml(problem)}</p>`}
    <form method="post" action="/v1/codec/login">
      <label>API token with the scope histories:read
        <input type="password" name="token" autocomplete="off" autofocus required />
      </label>
      <button>Sign in</button>
    </form>`;

const signedIn = (url: string | null): string => `    <h1>Signed in for 12 hours</h1>
    <p>Once in each browser: in the ${url === null ? 'Web UI' : `<a href="${escapeHtml(url)}">Web UI</a>`}, open <em>Configure Codec Server</em> at the top right, choose <em>Use my browser setting and ignore Cluster-level setting</em>, enter this
    page's address without <code>/login</code> as the endpoint, switch on <em>Include cross-origin credentials</em>, and save.</p>`;

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const htmlPage = (description: string) => ({ description, content: { 'text/html': {} } });
const common = { tags: ['Histories'], security: [] };

/** What the OpenAPI document says of it. */
export const loginDescription: ZodOpenApiPathItemObject = {
  get: {
    ...common,
    operationId: 'showCodecLogin',
    summary: 'Page on which an operator signs in for the Temporal Web UI',
    responses: { 200: htmlPage('The page.') },
  },
  post: {
    ...common,
    operationId: 'signInForCodec',
    summary: 'Sign a browser in for the Temporal Web UI',
    description:
      'Sets a cookie for `/v1/codec` alone, out of reach of scripts and of other sites. The token needs the scope ' +
      '`histories:read`. Other sites may not read the answer.',
    requestBody: {
      content: {
        'application/x-www-form-urlencoded': {
          schema: { type: 'object', properties: { token: { type: 'string' } }, required: ['token'] },
        },
      },
    },
    responses: {
      ...problemsOf(['MALFORMED_REQUEST', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'TOO_MANY_REQUESTS', 'INTERNAL']),
      200: {
        ...htmlPage('Signed in; what to set in the Web UI.'),
        headers: { 'Set-Cookie': { description: 'The session.', schema: { type: 'string' } } },
      },
      401: htmlPage('The page, which says that no such token is valid.'),
      403: htmlPage('The page, which says that the token lacks the scope.'),
      503: htmlPage('The page, which says what is away.'),
    },
  },
};
