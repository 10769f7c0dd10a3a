import type { Inventory } from '../../activities/inventory/inventory';
import type { SecretStore } from '../../activities/secrets/secrets';
import type { Engine } from './engine';
import type { EventHub } from './event-hub';
import type { Log } from './log';
import type { Starter } from './starter';

/** What the resources of the API stand on. */
export interface ApiDeps {
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'read'>;
  readonly engine: Engine;
  readonly starter: Pick<Starter, 'start'>;
  readonly events: EventHub;
  readonly log: Log;
}
