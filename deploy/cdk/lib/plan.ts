import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Faults } from './faults';

/** A private hosted zone, and the names in it that are aliases of the load balancer. */
export interface PlannedZone {
  readonly name: string;
  readonly records: readonly string[];
  readonly domains: number;
}

/** A certificate of ACM. The first name is its domain name; all are validated in one public zone. */
export interface PlannedCertificate {
  readonly id: string;
  readonly names: readonly string[];
  readonly validation_zone: string;
}

/** The resource policy that an API needs, with the text VPC_ENDPOINT_ID in place of the endpoints' ids. */
export interface PlannedPolicy {
  readonly api_id: string;
  readonly region: string;
  readonly endpoints: readonly string[];
  readonly policy: string;
}

/** Something about the mapping that its owner should know. */
export interface PlanWarning {
  readonly about: string;
  readonly name?: string | null;
  readonly what: string;
  readonly help?: string | null;
}

/** What `nameplate plan` prints, as far as it is read here. */
export interface Plan {
  readonly format: number;
  readonly mapping: { readonly version: string; readonly sha256: string; readonly entries: number; readonly domains: number };
  readonly options: { readonly zones: string; readonly elb: string };
  readonly hosted_zones: readonly PlannedZone[];
  readonly certificates: readonly PlannedCertificate[];
  readonly import_names: readonly string[];
  readonly default_certificate: string | null;
  readonly regions: readonly string[];
  readonly endpoints: readonly string[];
  /** The longest silence that a TIMEOUT of the mapping allows, in seconds; null or missing where no entry has one. */
  readonly longest_timeout?: number | null;
  readonly resource_policies: readonly PlannedPolicy[];
  /** AWS's quotas that the plan keeps to: its defaults, or what `nameplate plan --quota` said. */
  readonly quotas: { readonly certificates_per_listener: number };
  readonly warnings: readonly PlanWarning[];
}

/** The format that this code reads. */
export const PLAN_FORMAT = 1;

const AGAIN = 'write it again with the nameplate of this release: nameplate plan MAPPING --state plan.json --output plan.json';

/** Reads and validates the plan in a file. */
export function readPlan(path: string): Plan {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(
      `nameplate: PLAN_PATH: the plan ${path} cannot be read: ${(error as Error).message}\n` +
        '  help: make it with `nameplate plan MAPPING --output plan.json`, or say with -c PLAN_PATH=FILE where it is',
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`nameplate: the plan ${path} is not JSON: ${(error as Error).message}\n  help: ${AGAIN}`);
  }
  return checkPlan(json, `the plan ${path}`);
}

/** Validates a plan, all faults at once. `input` says in errors where it comes from. */
export function checkPlan(json: unknown, input: string): Plan {
  const faults = new Faults();
  const plan = json as Plan;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    faults.add('it is not an object', AGAIN);
  } else if (plan.format !== PLAN_FORMAT) {
    faults.add(`format is ${JSON.stringify(plan.format)}, and this reads format ${PLAN_FORMAT}`, AGAIN);
  } else {
    checkShape(plan, faults);
    if (faults.count === 0) {
      checkSense(plan, faults);
    }
  }
  faults.throwIfAny(input);
  return plan;
}

function checkShape(plan: Plan, faults: Faults): void {
  const wrong = (place: string, want: string) => faults.add(`${place} is not ${want}`, AGAIN);
  const texts = (value: unknown, place: string) => {
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      wrong(place, 'a list of texts');
    }
  };
  const objects = (value: unknown, place: string): Record<string, unknown>[] => {
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'object' || item === null)) {
      wrong(place, 'a list of objects');
      return [];
    }
    return value;
  };
  const fields = (value: unknown, place: string, keys: string[]) => {
    for (const key of keys) {
      if (typeof (value as Record<string, unknown> | undefined | null)?.[key] !== 'string') {
        wrong(`${place}.${key}`, 'a text');
      }
    }
  };
  fields(plan.mapping, 'mapping', ['version', 'sha256']);
  fields(plan.options, 'options', ['elb']);
  objects(plan.hosted_zones, 'hosted_zones').forEach((zone, i) => {
    fields(zone, `hosted_zones[${i}]`, ['name']);
    texts(zone['records'], `hosted_zones[${i}].records`);
  });
  objects(plan.certificates, 'certificates').forEach((certificate, i) => {
    fields(certificate, `certificates[${i}]`, ['id', 'validation_zone']);
    texts(certificate['names'], `certificates[${i}].names`);
  });
  objects(plan.resource_policies, 'resource_policies').forEach((policy, i) => {
    fields(policy, `resource_policies[${i}]`, ['api_id', 'region', 'policy']);
    texts(policy['endpoints'], `resource_policies[${i}].endpoints`);
  });
  objects(plan.warnings, 'warnings').forEach((warning, i) => fields(warning, `warnings[${i}]`, ['about', 'what']));
  if (typeof (plan.quotas as object | undefined | null) !== 'object' || !Number.isInteger(plan.quotas?.certificates_per_listener)) {
    wrong('quotas.certificates_per_listener', 'a whole number');
  }
  texts(plan.import_names, 'import_names');
  texts(plan.regions, 'regions');
  texts(plan.endpoints, 'endpoints');
  const longest = plan.longest_timeout ?? null;
  if (longest !== null && !Number.isInteger(longest)) {
    wrong('longest_timeout', 'a whole number or null');
  }
  if (plan.default_certificate !== null && typeof plan.default_certificate !== 'string') {
    wrong('default_certificate', 'a text or null');
  }
}

function checkSense(plan: Plan, faults: Faults): void {
  const edited = `a plan is not edited by hand: ${AGAIN}`;
  const twice = (names: readonly string[], what: string) => {
    for (const name of new Set(names.filter((item, i) => names.indexOf(item) !== i))) {
      faults.add(`${what} \`${name}\` is there twice`, edited);
    }
  };
  twice(plan.hosted_zones.map((zone) => zone.name), 'the hosted zone');
  twice(plan.certificates.map((certificate) => certificate.id), 'the certificate');
  for (const zone of plan.hosted_zones) {
    twice(zone.records, `in the hosted zone \`${zone.name}\`, the record`);
    for (const record of zone.records) {
      if (record !== zone.name && !record.endsWith(`.${zone.name}`)) {
        faults.add(`the record \`${record}\` is not in its hosted zone \`${zone.name}\``, edited);
      }
    }
  }
  for (const { id, names } of plan.certificates) {
    if (names.length === 0) {
      faults.add(`the certificate \`${id}\` has no names`, edited);
    }
  }
  const ids = plan.certificates.map((certificate) => certificate.id);
  if (plan.default_certificate !== null && !ids.includes(plan.default_certificate)) {
    faults.add(`default_certificate \`${plan.default_certificate}\` is none of the certificates`, edited);
  }
}

/**
 * Whether the plan was made from this mapping file, by its sha256. `undefined`: there is no such file, as where the
 * construct is used from another repository.
 */
export function isPlanOf(plan: Plan, mapping: string): boolean | undefined {
  if (!existsSync(mapping)) {
    return undefined;
  }
  return createHash('sha256').update(readFileSync(mapping)).digest('hex') === plan.mapping.sha256;
}
