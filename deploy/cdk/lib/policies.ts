import type { Plan } from './plan';

/** The text that a planned policy has in the place of endpoints' ids. */
const PLACEHOLDER = '"VPC_ENDPOINT_ID"';

/**
 * The resource policy of each API, API id to JSON text, for the endpoints that it is called through; where two regions
 * have an API of one id, the key is `id.region`. `ids` gives an
 * endpoint's id by the name that the mapping has for it; `default` is the stack's own.
 *
 * They are no output of the stack: a hot mapping change may change them, and must not change the stack.
 */
export function policiesOf(plan: Plan, ids: Readonly<Record<string, string>>): Record<string, string> {
  const policies = [...plan.resource_policies].sort((a, b) => (a.api_id < b.api_id ? -1 : 1));
  const twice = (api: string) => policies.filter(({ api_id }) => api_id === api).length > 1;
  return Object.fromEntries(
    policies.map(({ api_id, region, endpoints, policy }) => {
      const texts = endpoints.map((name) => {
        const id = ids[name];
        if (id === undefined || !/^vpce-[0-9a-f]{8,17}$/.test(id)) {
          throw new Error(
            `nameplate: the id of the endpoint \`${name}\`, which API ${api_id} is called through, is not known\n` +
              `  help: give it: ${name}=vpce-0123456789abcdef0`,
          );
        }
        return JSON.stringify(id);
      });
      return [twice(api_id) ? `${api_id}.${region}` : api_id, policy.replaceAll(PLACEHOLDER, texts.join(','))];
    }),
  );
}
