import { randomBytes } from 'node:crypto';
import type { Request } from 'express';
import type { Scope } from '../../domain/tokens';
import { type Id, ID_RANDOM_BYTES, type IdPrefix, makeId, type ProjectId, type TokenId } from '../../domain/ids';

/** Who asks: a token of a project. */
export interface Caller {
  readonly projectId: ProjectId;
  readonly projectName: string;
  readonly tokenId: TokenId;
  readonly tokenName: string;
  readonly scopes: readonly Scope[];
}

/** What becomes known of a request on its way, for its answer, its log line and its metrics. */
export interface RequestContext {
  readonly requestId: Id<'req'>;
  readonly startedAt: number;
  /** Pattern such as `/v1/clusters/{cluster}`; never the path itself, of which there are endless many. */
  route?: string;
  tokenId?: TokenId;
}

const contexts = new WeakMap<Request, RequestContext>();

export function contextOf(request: Request): RequestContext {
  let context = contexts.get(request);
  if (context === undefined) {
    context = { requestId: newId('req'), startedAt: performance.now() };
    contexts.set(request, context);
  }
  return context;
}

export function newId<P extends IdPrefix>(prefix: P): Id<P> {
  return makeId(prefix, Date.now(), randomBytes(ID_RANDOM_BYTES));
}
