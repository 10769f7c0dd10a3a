import type { PayloadCodec } from '@temporalio/common';
import type { Inventory } from '../../activities/inventory/inventory';
import type { HistoryKeys } from '../../activities/secrets/history-keys';
import type { SecretStore } from '../../activities/secrets/secrets';
import type { Engine } from './engine';
import type { EventHub } from './event-hub';
import type { Log } from './log';
import type { Starter } from './starter';

/** What the resources of the API stand on. */
export interface ApiDeps {
  readonly inventory: Inventory;
  readonly secrets: Pick<SecretStore, 'read'>;
  /** What Temporal's histories are encrypted with; absent: they are not. */
  readonly histories?: { readonly codec: PayloadCodec; readonly keys: HistoryKeys };
  readonly engine: Engine;
  readonly starter: Pick<Starter, 'start'>;
  readonly events: EventHub;
  readonly log: Log;
  /** The line that users append to `authorized_keys` of their machines. */
  readonly controlPublicKey: string;
  /** Where the Temporal Web UI is, to which each operation then has a link; null when nobody said. */
  readonly temporalUiUrl: string | null;
}
