import type { CreateClusterRequest, ClusterDetailAnswer } from '../../domain/schemas/clusters';
import { clusterDetailSchema } from '../../domain/schemas/clusters';
import type { CredentialsAnswer } from '../../domain/schemas/credentials';
import { credentialsSchema } from '../../domain/schemas/credentials';
import type { OperationAnswer } from '../../domain/schemas/operations';
import { operationSchema } from '../../domain/schemas/operations';
import { isFinal } from '../../domain/operations';
import { eventually } from './eventually';

/** The API of a running Holdfast, as a user calls it. */
export interface HoldfastApi {
  readonly url: string;
  readonly token: string;
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** Orders a cluster. @throws Error with the problem when the order is refused. */
  order(spec: CreateClusterRequest): Promise<OperationAnswer>;
  operation(id: string): Promise<OperationAnswer>;
  /** Waits until `wanted` holds. @throws Error when the operation ended or waits for attention without that. */
  waitFor(id: string, wanted: (operation: OperationAnswer) => boolean): Promise<OperationAnswer>;
  /** Waits until the operation has succeeded. */
  succeed(id: string): Promise<OperationAnswer>;
  cluster(ref: string): Promise<ClusterDetailAnswer>;
  credentials(ref: string): Promise<CredentialsAnswer>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

const POLL = { everyMs: 250, limitMs: 400_000 };

export function connectApi(url: string, token: string): HoldfastApi {
  const api: HoldfastApi['api'] = async (method, path, body) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    return { status: answer.status, body: parsed };
  };
  const demand = async (status: number, method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await api(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const operation: HoldfastApi['operation'] = async (id) =>
    operationSchema.parse(await demand(200, 'GET', `/v1/operations/${id}`));
  const waitFor: HoldfastApi['waitFor'] = async (id, wanted) => {
    let last: OperationAnswer | undefined;
    const look = async (): Promise<OperationAnswer | false> => {
      last = await operation(id);
      if (wanted(last)) return last;
      if (isFinal(last.state) || last.state === 'waiting') throw new Error(`${last.kind} ${last.state}`);
      return false;
    };
    return eventually(look, POLL).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(last)}`, { cause: error });
    });
  };
  return {
    url,
    token,
    api,
    operation,
    waitFor,
    order: async (spec) => operationSchema.parse(await demand(202, 'POST', '/v1/clusters', spec)),
    succeed: (id) => waitFor(id, ({ state }) => state === 'succeeded'),
    cluster: async (ref) => clusterDetailSchema.parse(await demand(200, 'GET', `/v1/clusters/${ref}`)),
    credentials: async (ref) => credentialsSchema.parse(await demand(200, 'GET', `/v1/clusters/${ref}/credentials`)),
  };
}
