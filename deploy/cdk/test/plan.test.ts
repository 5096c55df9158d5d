import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { policiesOf, readPlan } from '../lib/index';
import { checkPlan, isPlanOf } from '../lib/plan';
import { PLAN, PLAN_FILE } from './cases';

const folder = mkdtempSync(join(tmpdir(), 'nameplate-cdk-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a plan', () => {
  it('is read as it is', () => {
    expect(readPlan(PLAN_FILE)).toEqual(PLAN);
  });

  it.each<[what: string, json: unknown, says: string]>([
    ['a list', [], 'it is not an object'],
    ['of another format', { ...PLAN, format: 2 }, 'format is 2, and this reads format 1'],
    ['without zones', { ...PLAN, hosted_zones: undefined }, 'hosted_zones is not a list of objects'],
    ['with a zone without records', { ...PLAN, hosted_zones: [{ name: 'a.example.com' }] }, 'hosted_zones[0].records is not a list of texts'],
    ['with a certificate without id', { ...PLAN, certificates: [{ names: [], validation_zone: 'a.com' }] }, 'certificates[0].id is not a text'],
    ['with a number for a default', { ...PLAN, default_certificate: 1 }, 'default_certificate is not a text or null'],
    ['with a text for a timeout', { ...PLAN, longest_timeout: '90s' }, 'longest_timeout is not a whole number or null'],
    ['without quotas', { ...PLAN, quotas: {} }, 'quotas.certificates_per_listener is not a whole number'],
    ['with a default that is not there', { ...PLAN, default_certificate: 'c-0' }, 'default_certificate `c-0` is none of the certificates'],
    ['with a zone twice', { ...PLAN, hosted_zones: [...PLAN.hosted_zones, PLAN.hosted_zones[0]] }, 'the hosted zone `internal.private.example.com` is there twice'],
    ['with a certificate twice', { ...PLAN, certificates: [...PLAN.certificates, PLAN.certificates[0]] }, 'the certificate `c-3f9a0c21d4` is there twice'],
    ['with a record of another zone', { ...PLAN, hosted_zones: [{ name: 'a.example.com', records: ['xa.example.com'], domains: 1 }] }, 'the record `xa.example.com` is not in its hosted zone `a.example.com`'],
    ['with a certificate for nothing', { ...PLAN, certificates: [{ id: 'c-3f9a0c21d4', names: [], validation_zone: 'a.com' }] }, 'the certificate `c-3f9a0c21d4` has no names'],
  ])('%s is refused', (_, json, says) => {
    expect(() => checkPlan(json, 'plan.json')).toThrow(says);
    expect(() => checkPlan(json, 'plan.json')).toThrow('help: ');
  });

  it('that is not JSON is refused, with its place', () => {
    expect(() => readPlan(file('broken.json', '{'))).toThrow(/the plan .*broken\.json is not JSON/);
  });

  it('is of the mapping with its sha256', () => {
    const text = 'APIS: []\n';
    const path = file('mapping.yaml', text);
    const plan = { ...PLAN, mapping: { ...PLAN.mapping, sha256: createHash('sha256').update(text).digest('hex') } };
    expect(isPlanOf(plan, path)).toBe(true);
    expect(isPlanOf(PLAN, path)).toBe(false);
    expect(isPlanOf(PLAN, join(folder, 'no-such-mapping.yaml'))).toBeUndefined();
  });
});

describe('the policy of an API', () => {
  it('names the endpoint that the API is called through', () => {
    const policies = policiesOf(PLAN, { default: 'vpce-0123456789abcdef0' });
    expect(Object.keys(policies)).toEqual(['apiid1', 'apiid2']);
    expect(JSON.parse(policies['apiid1']!).Statement[0].Condition.StringNotEquals).toEqual({ 'aws:SourceVpce': ['vpce-0123456789abcdef0'] });
  });

  it('names all of them', () => {
    const [policy] = PLAN.resource_policies;
    const plan = { ...PLAN, resource_policies: [{ ...policy!, endpoints: ['default', 'shared'] }] };
    const policies = policiesOf(plan, { default: 'vpce-0123456789abcdef0', shared: 'vpce-0fedcba9876543210' });
    expect(JSON.parse(policies['apiid1']!).Statement[0].Condition.StringNotEquals['aws:SourceVpce']).toEqual(['vpce-0123456789abcdef0', 'vpce-0fedcba9876543210']);
  });

  it('are told apart by region where two have an API of one id', () => {
    const [first] = PLAN.resource_policies;
    const plan = { ...PLAN, resource_policies: [first!, { ...first!, region: 'eu-central-1' }] };
    expect(Object.keys(policiesOf(plan, { default: 'vpce-0123456789abcdef0' })).sort()).toEqual(['apiid1.eu-central-1', 'apiid1.eu-west-1']);
  });

  it('is not made with an endpoint that is not known', () => {
    expect(() => policiesOf(PLAN, {})).toThrow('the id of the endpoint `default`, which API apiid1 is called through, is not known');
  });

  it('has no placeholder left', () => {
    expect(JSON.stringify(policiesOf(PLAN, { default: 'vpce-0123456789abcdef0' }))).not.toContain('VPC_ENDPOINT_ID');
    expect(readFileSync(PLAN_FILE, 'utf8')).toContain('VPC_ENDPOINT_ID');
  });
});
