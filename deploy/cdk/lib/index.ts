export { Nameplate } from './nameplate';
export { NameplateStack } from './stack';
export type { ElbType, EndpointService, HostedZones, NameplateProps, TaskPlatform, Variables } from './variables';
export { variablesOf } from './context';
export { type Plan, type PlannedCertificate, type PlannedPolicy, type PlannedZone, type PlanWarning, readPlan } from './plan';
export { policiesOf } from './policies';
export { recordsOf } from './records';
