import { type Response, Router } from 'express';
import type { ApiDeps } from './deps';

/** For load balancers and `npm start`: no token needed, nothing told but names. */
export function healthRouter({ inventory, engine }: Pick<ApiDeps, 'inventory' | 'engine'>): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
  router.get('/readyz', async (_request, response: Response) => {
    const [inventoryAnswers, engineAnswers] = await Promise.all([inventory.ping(), engine.ping()]);
    const ready = inventoryAnswers && engineAnswers;
    response.status(ready ? 200 : 503).json({
      status: ready ? 'ready' : 'not ready',
      checks: [
        { name: 'inventory', ok: inventoryAnswers },
        { name: 'temporal', ok: engineAnswers },
      ],
    });
  });
  return router;
}
