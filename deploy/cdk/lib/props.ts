import { Faults } from './faults';
import { checkPlan, type Plan, readPlan } from './plan';
import { checkVariables } from './validate';
import { type Kind, type NameplateProps, VARIABLE_NAMES, VARIABLES, type Variables } from './variables';

/** The variables after validation, with the plan. */
export interface Settled {
  readonly vars: Variables;
  readonly plan: Plan;
  /** APP_NAME-APP_ENVIRONMENT, what all names begin with. */
  readonly prefix: string;
}

/** Fills in the defaults, reads the plan and validates it all; throws every fault at once. */
export function settle(props: NameplateProps, region: string): Settled {
  const faults = new Faults();
  const vars: Record<string, unknown> = {};
  for (const name of VARIABLE_NAMES) {
    const given = props[name];
    const { kind, fallback } = VARIABLES[name];
    vars[name] = given ?? fallback;
    if (given !== undefined && given !== null && !isOf(kind, given)) {
      faults.add(`${name} is ${JSON.stringify(given)}, not ${NOUNS[kind]}`, `give ${NOUNS[kind]}, such as ${JSON.stringify(EXAMPLES[kind])}`);
    }
  }
  for (const name of Object.keys(props)) {
    if (name !== 'PLAN' && !(name in VARIABLES)) {
      faults.add(`there is no variable ${name}`, 'README.md lists all there are');
    }
  }
  faults.throwIfAny('the variables');

  const settled = vars as unknown as Variables;
  const plan = props.PLAN === undefined ? readPlan(settled.PLAN_PATH) : checkPlan(props.PLAN, 'PLAN');
  checkVariables(settled, plan, region, faults);
  faults.throwIfAny('the variables');
  return { vars: settled, plan, prefix: `${settled.APP_NAME}-${settled.APP_ENVIRONMENT}` };
}

const NOUNS: Record<Kind, string> = {
  text: 'a text',
  flag: 'true or false',
  number: 'a number',
  list: 'a list of texts',
  map: 'a map of texts',
  object: 'an object',
};

const EXAMPLES: Record<Kind, unknown> = {
  text: 'dev',
  flag: true,
  number: 4,
  list: ['a', 'b'],
  map: { key: 'value' },
  object: { access_log: { to: 'stdout' } },
};

function isOf(kind: Kind, value: unknown): boolean {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'flag':
      return typeof value === 'boolean';
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'list':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'map':
      return isObject && Object.values(value as object).every((item) => typeof item === 'string');
    case 'object':
      return isObject;
  }
}
