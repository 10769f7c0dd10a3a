import { watching } from './proxies';
import { stepTitles } from './runbooks';

/** Watches all clusters without end. Its activity goes from worker to worker; nothing that it sees comes into the history. */
export async function watch(): Promise<void> {
  await watching.watchClusters({
    data: stepTitles('replace-node', 'ha', 'pg-1'),
    gateway: stepTitles('replace-node', 'ha', 'gw-1'),
    recover: stepTitles('recover', 'ha'),
  });
}
