import { EventSourceParserStream } from 'eventsource-parser/stream';
import { z } from 'zod';
import { isFinal } from '../../../domain/operations';
import { clusterDetailSchema } from '../../../domain/schemas/clusters';
import { operationEventSchema, operationSchema, operationStateSchema } from '../../../domain/schemas/operations';
import type { OperationAnswer } from '../../../domain/schemas/operations';

/** The API as a user sees it from outside. */
export interface Client {
  /** Orders a cluster; returns the operation that makes it. @param more fields of the request. */
  order(name: string, plan: string, more?: object): Promise<OperationAnswer>;
  /** Asks for any other operation. @throws Error with the answer when it is refused. */
  ask(path: string, body: object): Promise<OperationAnswer>;
  /** Reads what the API has. */
  get<T extends z.ZodType>(schema: T, path: string): Promise<z.output<T>>;
  /** Follows the events of an operation to its end. @throws Error unless it succeeded. */
  finish(operation: OperationAnswer): Promise<OperationAnswer>;
  /** The state of a cluster: `ready`. */
  stateOf(cluster: string): Promise<string>;
  /** Deletes a cluster and waits until it is gone. */
  remove(cluster: string): Promise<void>;
}

export interface ClientOptions {
  readonly url: string;
  readonly token: string;
  /** Interrupts whatever is under way. */
  readonly signal: AbortSignal;
}

const finalBody = z.object({ state: operationStateSchema.refine(isFinal) });

export function createClient({ url, token, signal }: ClientOptions): Client {
  const send = async (method: string, path: string, body?: object): Promise<Response> => {
    const response = await fetch(`${url}${path}`, {
      method,
      signal,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const get = async <T extends z.ZodType>(schema: T, path: string): Promise<z.output<T>> =>
    schema.parse(await (await send('GET', path)).json());

  const finish: Client['finish'] = async ({ links }) => {
    await untilFinalEvent((await send('GET', links.events)).body);
    const operation = await get(operationSchema, links.self);
    if (operation.state === 'succeeded') return operation;
    const { id, kind, state, reason, error } = operation;
    throw new Error(`${kind} of ${operation.clusterName} (${id}) is ${state}: ${error?.message ?? reason ?? ''}`);
  };

  const ask: Client['ask'] = async (path, body) => operationSchema.parse(await (await send('POST', path, body)).json());

  return {
    order: (name, plan, more = {}) => ask('/v1/clusters', { name, plan, ...more }),
    ask,
    get,
    finish,
    stateOf: async (cluster) => (await get(clusterDetailSchema, `/v1/clusters/${cluster}`)).status.state,
    remove: async (cluster) => {
      const response = await send('DELETE', `/v1/clusters/${cluster}`, { confirm: cluster });
      await finish(operationSchema.parse(await response.json()));
    },
  };
}

async function untilFinalEvent(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (!body) throw new Error('a stream of events without a body');
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    const event = operationEventSchema.parse(JSON.parse(data));
    if (event.type === 'operation' && finalBody.safeParse(event.body).success) return;
  }
  throw new Error('the events ended before the operation');
}
