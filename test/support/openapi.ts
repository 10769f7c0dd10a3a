import { z } from 'zod';
import type { TestApi } from './api';

/** What the API says of itself: tests that derive from it take in new routes by themselves. */

/** A JSON schema, as far as tests read it. */
export interface Schema {
  readonly type?: string | readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly items?: Schema | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly minimum?: number | undefined;
}

/** As it stands in the document: with references and alternatives. */
const writtenSchema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  anyOf: z.array(z.looseObject({})).optional(),
  allOf: z.array(z.looseObject({})).optional(),
  properties: z.record(z.string(), z.looseObject({})).optional(),
  items: z.looseObject({}).optional(),
});
type Written = z.output<typeof writtenSchema>;

/** The same without references; of alternatives only the types are left. */
function resolve(written: unknown, schemas: Readonly<Record<string, unknown>>): Schema {
  const { $ref, anyOf, allOf, properties, items, ...rest }: Written = writtenSchema.parse(written);
  if ($ref !== undefined) {
    const target = writtenSchema.parse(schemas[$ref.split('/').at(-1) ?? '']);
    return resolve({ ...target, ...rest }, schemas);
  }
  const parts = [...(anyOf ?? []), ...(allOf ?? [])].map((part) => resolve(part, schemas));
  return schemaSchema.parse({
    ...parts[0],
    ...rest,
    ...(parts.length > 0 && { type: parts.flatMap(({ type = [] }) => type) }),
    ...(properties && { properties: mapValues(properties, (property) => resolve(property, schemas)) }),
    ...(items && { items: resolve(items, schemas) }),
  });
}

const mapValues = <T, U>(of: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [name, change(value)]));

const schemaSchema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    properties: z.record(z.string(), schemaSchema).optional(),
    required: z.array(z.string()).optional(),
    items: schemaSchema.optional(),
    enum: z.array(z.unknown()).optional(),
    default: z.unknown().optional(),
    example: z.unknown().optional(),
    minimum: z.number().optional(),
  }),
);

const responseSchema = z.object({ description: z.string(), content: z.record(z.string(), z.unknown()).default({}) });
const operationSchema = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.unknown())).optional(),
  'x-body-limit-bytes': z.number().optional(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), schema: schemaSchema })).default([]),
  requestBody: z
    .object({
      required: z.boolean().default(false),
      content: z.object({ 'application/json': z.object({ schema: z.looseObject({}) }).optional() }),
    })
    .optional(),
  responses: z.record(z.string(), responseSchema),
});
const documentSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

export interface DescribedOperation {
  readonly operationId: string;
  /** In capitals. */
  readonly method: string;
  /** Such as `/v1/clusters/{cluster}`. */
  readonly pattern: string;
  /** False for those that anybody may call. */
  readonly needsToken: boolean;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  /** null when it takes none, or none in JSON. */
  readonly body: Schema | null;
  readonly bodyRequired: boolean;
  /** null for those that read none. */
  readonly bodyLimitBytes: number | null;
  readonly responses: Readonly<Record<string, z.output<typeof responseSchema>>>;
}

export async function readOperations(api: Pick<TestApi, 'request'>): Promise<DescribedOperation[]> {
  const { body } = await api.request('GET', '/v1/openapi.json', { token: null });
  const { paths, components } = documentSchema.parse(body);
  return Object.entries(paths).flatMap(([pattern, { parameters: _shared, ...methods }]) =>
    Object.entries(methods).map(([method, value]): DescribedOperation => {
      const { operationId, security, parameters, requestBody, responses, ...rest } = operationSchema.parse(value);
      const json = requestBody?.content['application/json'];
      return {
        operationId,
        method: method.toUpperCase(),
        pattern,
        needsToken: security === undefined || security.some((way) => 'token' in way),
        parameters,
        body: json ? resolve(json.schema, components.schemas) : null,
        bodyRequired: requestBody?.required ?? false,
        bodyLimitBytes: rest['x-body-limit-bytes'] ?? null,
        responses,
      };
    }),
  );
}

/** A value that the schema takes, as far as examples, defaults and simple types tell. */
export function exampleOf(schema: Schema): unknown {
  const given = schema.example ?? schema.default ?? schema.enum?.[0];
  if (given !== undefined) return given;
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, exampleOf(schema.properties?.[name] ?? {})]),
      );
    case 'array':
      return schema.items ? [exampleOf(schema.items)] : [];
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1);
    case 'boolean':
      return true;
    case undefined:
    default:
      return 'x';
  }
}

/** A body of that operation with every required field; undefined when it takes none. */
export function exampleBody({ body }: DescribedOperation): Record<string, unknown> | undefined {
  return body === null ? undefined : z.record(z.string(), z.unknown()).parse(exampleOf(body));
}

/** Its path with these values, percent-encoded; `x` for the others. */
export function pathOf(
  { pattern }: Pick<DescribedOperation, 'pattern'>,
  values: Readonly<Record<string, string>> = {},
): string {
  return pattern.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(values[name] ?? 'x'));
}

/** The operation that such a request is for; undefined when there is none. */
export function operationFor(
  operations: readonly DescribedOperation[],
  method: string,
  target: string,
): DescribedOperation | undefined {
  const path = target.split('?')[0] ?? '';
  const fits = ({ pattern }: DescribedOperation): boolean =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
  const candidates = operations.filter((operation) => operation.method === method && fits(operation));
  return candidates.find(({ pattern }) => pattern === path) ?? candidates[0];
}
