import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { ArchivingTable } from '../../activities/inventory/archiving-table';
import { contextOf } from './context';

export interface Metrics {
  /** Measures each request by method, route pattern and status. */
  readonly measure: RequestHandler;
  /** `GET /metrics`, in Prometheus' format. */
  readonly show: RequestHandler;
}

/** A registry of its own, so that two apps in one process don't mix theirs. */
export function createMetrics(archiving: Pick<ArchivingTable, 'list'>): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'holdfast_http_request_seconds',
    help: 'Duration of HTTP requests; an event stream counts until it ends',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const tellArchives = archiveGauges(registry, archiving);
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
      await tellArchives();
      response.type(registry.contentType).send(await registry.metrics());
    },
  };
}

/** Of each cluster, by its id: who reads metrics needs no token, and shall learn no names. */
function archiveGauges(registry: Registry, archiving: Pick<ArchivingTable, 'list'>): () => Promise<void> {
  const gaugeOf = (name: string, help: string): Gauge<'cluster'> =>
    new Gauge({ name, help, labelNames: ['cluster'], registers: [registry] });
  const lag = gaugeOf(
    'holdfast_archive_lag_seconds',
    'From the first commit of the newest archived segment to all stores',
  );
  const waitingBytes = gaugeOf('holdfast_archive_waiting_bytes', 'Log that waits for a store, on the volume');
  const waitingFor = gaugeOf('holdfast_archive_waiting_seconds', 'Age of the oldest segment that waits for a store');
  const free = gaugeOf('holdfast_volume_free_ratio', 'Free share of the volume of the primary');
  return async () => {
    // Without the inventory there is still the rest to tell.
    const clusters = await archiving.list().catch(() => []);
    for (const gauge of [lag, waitingBytes, waitingFor, free]) gauge.reset();
    for (const { clusterId: cluster, asOf, lagMs, oldestWaitingSince, ...volume } of clusters) {
      const waitedMs = oldestWaitingSince === null ? 0 : Date.parse(asOf) - Date.parse(oldestWaitingSince);
      if (lagMs !== null) lag.set({ cluster }, lagMs / 1000);
      waitingBytes.set({ cluster }, volume.waitingBytes);
      waitingFor.set({ cluster }, waitedMs / 1000);
      free.set({ cluster }, volume.freeBytes / volume.totalBytes);
    }
  };
}
