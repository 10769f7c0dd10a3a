import { planSchema, versionsSchema } from '../../domain/schemas/catalogue';
import { listOf } from '../../domain/schemas/pages';
import { PLANS, type Plan } from '../../domain/plans';
import { allNodes } from '../../domain/topology';
import type { PlanAnswer } from '../../domain/schemas/catalogue';
import type { ApiDeps } from './deps';
import { currentImage, majorsOf } from './order';
import { reply, route, type Route } from './route';

/** What can be ordered. */
export function catalogueRoutes({ inventory }: ApiDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/plans',
      operationId: 'listPlans',
      summary: 'Plans: topology, size and price',
      tag: 'Catalogue',
      scope: null,
      answers: { 200: { description: 'All plans.', schema: listOf(planSchema) } },
      errors: [],
      handle: () => Promise.resolve(reply(200, { items: PLANS.map(planAnswer) })),
    }),
    route({
      method: 'get',
      path: '/v1/versions',
      operationId: 'listVersions',
      summary: 'PostgreSQL versions that can be ordered, with the exact minor',
      tag: 'Catalogue',
      scope: null,
      answers: { 200: { description: 'Versions, and what else the golden image holds.', schema: versionsSchema } },
      errors: ['UNAVAILABLE'],
      async handle() {
        const image = await currentImage(inventory.images);
        const majors = majorsOf(image);
        const { builtAt, debian, tools, postgresql } = image.catalogue;
        const items = majors.map((major) => ({ major, minor: postgresql[major], default: major === majors.at(-1) }));
        return reply(200, { items, image: { reference: image.reference, builtAt, debian, tools: { ...tools } } });
      },
    }),
  ];
}

function planAnswer(plan: Plan): PlanAnswer {
  const nodes = allNodes(plan.topology);
  const count = (role: 'data' | 'gateway'): number => nodes.filter((node) => node.role === role).length;
  return { ...plan, nodes: { data: count('data'), gateway: count('gateway') } };
}
