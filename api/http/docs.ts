import { readFile } from 'node:fs/promises';
import path from 'node:path';
import express, { type Request, type Response, Router } from 'express';
import { ERRORS, HoldfastError } from '../../domain/errors';
import { projectRoot } from '../../activities/project-root';

/** The human reference (`/v1/docs`) and a page per error code. Every file comes from here, none from another site. */

const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>Holdfast API</title>
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <link rel="stylesheet" href="/v1/docs/assets/swagger-ui.css" />
  </head>
  <body>
    <div id="reference"></div>
    <script src="/v1/docs/assets/swagger-ui-bundle.js"></script>
    <script src="/v1/docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({ url: '/v1/openapi.json', dom_id: '#reference', deepLinking: true, defaultModelsExpandDepth: 0 });
`;

export function docsRouter(): Router {
  const router = Router();
  router.get('/', (_request, response) => response.redirect('/v1/docs'));
  router.get('/v1/docs', (_request, response) => {
    response.set('Content-Security-Policy', CONTENT_SECURITY_POLICY).type('html').send(PAGE);
  });
  router.get('/v1/docs/start.js', (_request, response) => void response.type('js').send(START));
  router.use(
    '/v1/docs/assets',
    express.static(path.dirname(require.resolve('swagger-ui-dist/package.json')), { index: false, maxAge: '1h' }),
  );
  router.get('/v1/errors', (_request, response) => {
    response.json({
      items: Object.entries(ERRORS).map(([code, { status, title }]) => ({
        code,
        status,
        title,
        docUrl: `/v1/errors/${code}`,
      })),
    });
  });
  router.get('/v1/errors/:code', showErrorPage);
  return router;
}

async function showErrorPage(request: Request<{ code: string }>, response: Response): Promise<void> {
  const { code } = request.params;
  // Only names of the catalogue ever become part of a path.
  if (!Object.hasOwn(ERRORS, code)) throw new HoldfastError('NOT_FOUND', { kind: 'error code', ref: code });
  const text = await readFile(path.join(projectRoot(), 'docs', 'errors', `${code}.md`), 'utf8');
  if (request.accepts(['text/markdown', 'html']) !== 'html') {
    response.type('text/markdown').send(text);
    return;
  }
  response
    .set('Content-Security-Policy', CONTENT_SECURITY_POLICY)
    .type('html')
    .send(
      `<!doctype html><meta charset="utf-8"><title>${code}</title><pre style="white-space: pre-wrap; max-width: 50em">${escapeHtml(text)}</pre>`,
    );
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
