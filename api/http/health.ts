import { type Response, Router } from 'express';
import type { ApiDeps } from './deps';

interface HealthDeps extends Pick<ApiDeps, 'inventory' | 'engine'> {
  /** Release of the API. */
  readonly version: string;
}

/** For load balancers and `npm start`: no token needed, nothing told but names and the release. */
export function healthRouter({ inventory, engine, version }: HealthDeps): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => void response.json({ status: 'ok', version }));
  router.get('/readyz', async (_request, response: Response) => {
    const [inventoryAnswers, engineAnswers, workerThere] = await Promise.all([
      inventory.ping(),
      engine.ping(),
      engine.hasWorker(),
    ]);
    // Without a worker the API still accepts operations: they wait for one.
    const ready = inventoryAnswers && engineAnswers;
    response.status(ready ? 200 : 503).json({
      status: ready ? 'ready' : 'not ready',
      checks: [
        { name: 'inventory', ok: inventoryAnswers },
        { name: 'temporal', ok: engineAnswers },
        { name: 'worker', ok: workerThere },
      ],
    });
  });
  return router;
}
