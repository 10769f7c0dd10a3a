import { watching } from './proxies';

/** Watches all clusters without end. Its activity goes from worker to worker; nothing that it sees comes into the history. */
export async function watch(): Promise<void> {
  await watching.watchClusters();
}
