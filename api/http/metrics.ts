import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { contextOf } from './context';

export interface Metrics {
  /** Measures each request by method, route pattern and status. */
  readonly measure: RequestHandler;
  /** `GET /metrics`, in Prometheus' format. */
  readonly show: RequestHandler;
}

/** A registry of its own, so that two apps in one process don't mix theirs. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'holdfast_http_request_seconds',
    help: 'Duration of HTTP requests; an event stream counts until it ends',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  return {
    measure(request, response, next) {
      const context = contextOf(request);
      response.once('close', () => {
        const labels = { method: request.method, route: context.route ?? 'none', status: response.statusCode };
        requests.observe(labels, (performance.now() - context.startedAt) / 1000);
      });
      next();
    },
    async show(_request, response) {
      response.type(registry.contentType).send(await registry.metrics());
    },
  };
}
