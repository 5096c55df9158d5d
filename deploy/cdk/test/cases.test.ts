import { beforeAll, describe, expect, it } from 'vitest';
import type { Template } from 'aws-cdk-lib/assertions';
import { CASES, MORE, one, pairs, resources, settings, synth, textOf } from './cases';

const made: Record<keyof typeof CASES, Template> = {} as never;

beforeAll(() => {
  for (const name of Object.keys(CASES) as (keyof typeof CASES)[]) {
    made[name] = synth(CASES[name]).template;
  }
});

/** Each security group's rules: `group way port peer`. */
function rules(template: Template): string[] {
  const name = (value: any) => textOf(value).replace(/^\$\{NameplateSecurityGroups(.*?)[0-9A-F]{8}\.GroupId\}$/, '$1');
  const all = [
    ...Object.values(resources(template, 'AWS::EC2::SecurityGroupIngress')).map(({ Properties: p }) => ['in', p, p['SourceSecurityGroupId'] ?? p['CidrIp']]),
    ...Object.values(resources(template, 'AWS::EC2::SecurityGroupEgress')).map(({ Properties: p }) => ['out', p, p['DestinationSecurityGroupId'] ?? p['DestinationPrefixListId']]),
  ] as [string, any, any][];
  return all.map(([way, p, peer]) => {
    expect([p.IpProtocol, p.FromPort]).toEqual(['tcp', p.ToPort]);
    return `${name(p.GroupId)} ${way} ${p.FromPort} ${name(peer)}`;
  }).sort();
}

function endpoints(template: Template): string[] {
  return Object.values(resources(template, 'AWS::EC2::VPCEndpoint'))
    .map(({ Properties: p }) => `${p['VpcEndpointType']} ${p['ServiceName']}${p['PrivateDnsEnabled'] ? ' private DNS' : ''}`)
    .sort();
}

describe('nlb: the defaults, with a VPC', () => {
  it('has two isolated private subnets and no way out', () => {
    const subnets = Object.values(resources(made.nlb, 'AWS::EC2::Subnet')).map(({ Properties: p }) => [p['AvailabilityZone'], p['CidrBlock']]);
    expect(subnets).toEqual([['eu-west-1a', '10.0.0.0/20'], ['eu-west-1b', '10.0.16.0/20']]);
    for (const type of ['AWS::EC2::InternetGateway', 'AWS::EC2::NatGateway', 'AWS::EC2::Route', 'AWS::EC2::EIP']) {
      made.nlb.resourceCountIs(type, 0);
    }
    made.nlb.resourceCountIs('AWS::EC2::FlowLog', 1);
  });

  it('has the endpoints that tasks need, private DNS everywhere but at execute-api', () => {
    expect(endpoints(made.nlb)).toEqual([
      'Gateway com.amazonaws.eu-west-1.s3',
      'Interface com.amazonaws.eu-west-1.ecr.api private DNS',
      'Interface com.amazonaws.eu-west-1.ecr.dkr private DNS',
      'Interface com.amazonaws.eu-west-1.execute-api',
      'Interface com.amazonaws.eu-west-1.logs private DNS',
    ]);
  });

  it('lets through what is needed and nothing else', () => {
    expect(rules(made.nlb)).toEqual([
      'Endpoint in 443 Task',
      'LoadBalancer in 443 10.0.0.0/16',
      'LoadBalancer out 8443 Task',
      'LoadBalancer out 9901 Task',
      'Task in 8443 LoadBalancer',
      'Task in 9901 LoadBalancer',
      'Task out 443 Endpoint',
      'Task out 443 pl-0123456789abcdef0',
    ]);
    for (const { Properties } of Object.values(resources(made.nlb, 'AWS::EC2::SecurityGroup'))) {
      // An empty list would be left out of the template, and CloudFormation would allow everything.
      expect(Properties['SecurityGroupEgress']).toMatchObject([{ CidrIp: '255.255.255.255/32' }]);
    }
  });

  it('has an internal NLB with a TLS listener', () => {
    const balancer = one(made.nlb, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    expect(balancer).toMatchObject({ Name: 'reverse-proxy-dev-nlb', Type: 'network', Scheme: 'internal' });
    expect(balancer['SecurityGroups']).toHaveLength(1);
    expect(pairs(balancer['LoadBalancerAttributes'])).toEqual({ 'deletion_protection.enabled': 'true', 'load_balancing.cross_zone.enabled': 'true' });
    const listener = one(made.nlb, 'AWS::ElasticLoadBalancingV2::Listener');
    expect(listener).toMatchObject({ Protocol: 'TLS', Port: 443, SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' });
    expect(listener).not.toHaveProperty('AlpnPolicy');
  });

  it('sends the client address by PROXY header to TLS targets', () => {
    const targets = one(made.nlb, 'AWS::ElasticLoadBalancingV2::TargetGroup');
    expect(targets).toMatchObject({
      Name: 'reverse-proxy-dev-nlb-tls', TargetType: 'ip', Protocol: 'TLS', Port: 8443,
      HealthCheckProtocol: 'HTTP', HealthCheckPort: '9901', HealthCheckPath: '/readyz', HealthCheckIntervalSeconds: 10, HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 2, UnhealthyThresholdCount: 2, Matcher: { HttpCode: '200' },
    });
    expect(pairs(targets['TargetGroupAttributes'])).toEqual({
      'deregistration_delay.timeout_seconds': '60', 'preserve_client_ip.enabled': 'false', 'proxy_protocol_v2.enabled': 'true',
    });
    expect(settings(made.nlb)['listeners']).toEqual([
      { address: '0.0.0.0:8443', tls: { self_signed: ['nameplate.internal'] }, proxy_protocol: { trust: ['10.0.0.0/20', '10.0.16.0/20'] } },
    ]);
    expect(settings(made.nlb)['forwarded']).toEqual({ proto: 'https', port: 443 });
    // Longer than clients keep connections (Go: 90 s), shorter than the NLB does.
    expect(settings(made.nlb)['client']).toEqual({ keep_alive: '340s' });
  });

  it('has the plan\'s default certificate on the listener and the other beside it', () => {
    const { template } = synth({ ...CASES.nlb, PLAN: MORE });
    const [[defaultId, first], [otherId, other]] = Object.entries(resources(template, 'AWS::CertificateManager::Certificate')) as any;
    expect(first.Properties).toMatchObject({
      DomainName: '*.internal.private.example.com',
      SubjectAlternativeNames: ['*.team.internal.private.example.com', 'team.internal.private.example.com'],
      ValidationMethod: 'DNS',
    });
    expect(first.Properties.DomainValidationOptions.map((option: any) => option.HostedZoneId)).toEqual(['Z0123456789COM', 'Z0123456789COM', 'Z0123456789COM']);
    expect(other.Properties.DomainValidationOptions).toEqual([{ DomainName: '*.private.example.net', HostedZoneId: 'Z0123456789NET' }]);
    expect(one(template, 'AWS::ElasticLoadBalancingV2::Listener')['Certificates']).toEqual([{ CertificateArn: { Ref: defaultId } }]);
    expect(one(template, 'AWS::ElasticLoadBalancingV2::ListenerCertificate')['Certificates']).toEqual([{ CertificateArn: { Ref: otherId } }]);
  });

  it('tells Nameplate all it needs in NAMEPLATE_SETTINGS', () => {
    expect(settings(made.nlb)).toMatchObject({
      admin: '0.0.0.0:9901',
      mapping: expect.stringMatching(/^s3:\/\/\$\{NameplateMappingBucket.*\}\/mapping\.yaml$/),
      endpoint: { name: expect.stringMatching(/^\$\{part 1 of \$\{part 0 of \$\{NameplateEndpointsInterfaceexecuteapi.*\.DnsEntries\}\}\}$/) },
      endpoints: {},
      shutdown: { delay: '5s', grace_period: '20s' },
      log: { format: 'json' },
    });
  });

  it('runs a hardened container', () => {
    const task = one(made.nlb, 'AWS::ECS::TaskDefinition');
    expect(task).toMatchObject({
      Family: 'reverse-proxy-dev', Cpu: '1024', Memory: '2048', NetworkMode: 'awsvpc', RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      Volumes: [{ Name: 'cache' }],
    });
    expect(task['ContainerDefinitions']).toMatchObject([{
      Name: 'nameplate', Command: ['serve'], User: '65532:65532', ReadonlyRootFilesystem: true, StopTimeout: 30,
      LinuxParameters: { Capabilities: { Drop: ['ALL'] }, InitProcessEnabled: false },
      PortMappings: [{ ContainerPort: 8443 }, { ContainerPort: 9901 }],
      Ulimits: [{ Name: 'nofile', SoftLimit: 65535, HardLimit: 65535 }],
      HealthCheck: { Command: ['CMD', '/nameplate', 'healthcheck'], Interval: 10, Timeout: 5, Retries: 3, StartPeriod: 10 },
      MountPoints: [{ SourceVolume: 'cache', ContainerPath: '/var/cache/nameplate', ReadOnly: false }],
      LogConfiguration: { LogDriver: 'awslogs', Options: { 'awslogs-group': '/nameplate/reverse-proxy-dev', 'awslogs-region': 'eu-west-1', mode: 'non-blocking', 'max-buffer-size': '25m' } },
    }]);
    expect(textOf(task['ContainerDefinitions'][0].Image)).toMatch(/^\$\{AWS::AccountId\}\.dkr\.ecr\..*:0\.1\.0$/);
  });

  it('leaves the number of tasks to the scaling', () => {
    const service = one(made.nlb, 'AWS::ECS::Service');
    expect(service).not.toHaveProperty('DesiredCount');
    expect(service).toMatchObject({
      LaunchType: 'FARGATE', PlatformVersion: 'LATEST', AvailabilityZoneRebalancing: 'ENABLED', HealthCheckGracePeriodSeconds: 30,
      EnableExecuteCommand: false, EnableECSManagedTags: true, PropagateTags: 'SERVICE',
      DeploymentConfiguration: { MinimumHealthyPercent: 100, MaximumPercent: 200, DeploymentCircuitBreaker: { Enable: true, Rollback: true } },
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED' } },
      LoadBalancers: [{ ContainerName: 'nameplate', ContainerPort: 8443 }],
    });
    expect(service).not.toHaveProperty('Monitoring');
    expect(one(made.nlb, 'AWS::ApplicationAutoScaling::ScalableTarget')).toMatchObject({ MinCapacity: 1, MaxCapacity: 4 });
    expect(one(made.nlb, 'AWS::ApplicationAutoScaling::ScalingPolicy')['TargetTrackingScalingPolicyConfiguration']).toEqual({
      TargetValue: 80, PredefinedMetricSpecification: { PredefinedMetricType: 'ECSServiceAverageCPUUtilization' }, ScaleOutCooldown: 60, ScaleInCooldown: 300,
    });
  });

  it('starts tasks only after their ways to image, mapping and logs', () => {
    const [service] = Object.values(resources(made.nlb, 'AWS::ECS::Service'));
    const types = service!.DependsOn!.map((id) => made.nlb.toJSON()['Resources'][id].Type);
    expect(new Set(types)).toEqual(new Set([
      'AWS::EC2::VPCEndpoint', 'AWS::EC2::SecurityGroupIngress', 'AWS::EC2::SecurityGroupEgress', 'AWS::EC2::SubnetRouteTableAssociation',
      'AWS::ElasticLoadBalancingV2::Listener', 'AWS::Logs::LogGroup', 'AWS::S3::Bucket', 'AWS::S3::BucketPolicy',
    ]));
  });

  it('keeps the mapping in a private, versioned, encrypted bucket that outlives the stack', () => {
    made.nlb.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: {
        VersioningConfiguration: { Status: 'Enabled' },
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
        LifecycleConfiguration: { Rules: [{ Status: 'Enabled', NoncurrentVersionExpiration: { NoncurrentDays: 90 }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }] },
      },
    });
    expect(textOf(one(made.nlb, 'AWS::S3::Bucket')['BucketName'])).toBe('reverse-proxy-dev-mapping-111122223333-eu-west-1'.replace('111122223333', '${AWS::AccountId}').replace('eu-west-1', '${AWS::Region}'));
    expect(one(made.nlb, 'AWS::S3::BucketPolicy')['PolicyDocument'].Statement).toMatchObject([{ Effect: 'Deny', Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }]);
  });

  it('keeps every image that has a tag, and tags that do not change', () => {
    const repository = one(made.nlb, 'AWS::ECR::Repository');
    expect(repository).toMatchObject({ RepositoryName: 'reverse-proxy-dev', ImageTagMutability: 'IMMUTABLE', ImageScanningConfiguration: { ScanOnPush: true } });
    expect(JSON.parse(repository['LifecyclePolicy'].LifecyclePolicyText).rules).toMatchObject([{ selection: { tagStatus: 'untagged' }, action: { type: 'expire' } }]);
  });

  it('alarms the topic', () => {
    const alarms = Object.values(resources(made.nlb, 'AWS::CloudWatch::Alarm')).map(({ Properties: p }) => p);
    expect(alarms.map((p) => [p['AlarmName'], p['MetricName'], p['Statistic'], p['ComparisonOperator'], p['Threshold'], p['Period'], p['EvaluationPeriods'], p['TreatMissingData']])).toEqual([
      ['reverse-proxy-dev-no-healthy-target', 'HealthyHostCount', 'Maximum', 'LessThanThreshold', 1, 60, 2, 'breaching'],
      ['reverse-proxy-dev-unhealthy-targets', 'UnHealthyHostCount', 'Maximum', 'GreaterThanThreshold', 0, 60, 5, 'notBreaching'],
      ['reverse-proxy-dev-cpu-high', 'CPUUtilization', 'Average', 'GreaterThanThreshold', 90, 60, 5, 'notBreaching'],
      ['reverse-proxy-dev-tls-errors', 'TargetTLSNegotiationErrorCount', 'Sum', 'GreaterThanThreshold', 10, 300, 1, 'notBreaching'],
    ]);
    for (const alarm of alarms) {
      expect(alarm['AlarmActions']).toEqual(['arn:aws:sns:eu-west-1:111122223333:alarms']);
    }
  });

  it('tells what others need to know', () => {
    expect(Object.keys(made.nlb.toJSON()['Outputs']).sort()).toEqual([
      'ClusterName', 'EcrRepositoryUrl', 'ElbDnsName', 'ElbHostedZoneId', 'MappingBucket', 'MappingUri', 'ServiceName', 'TaskSecurityGroupId', 'VpcEndpointId', 'VpcId',
    ]);
  });

  it('tags everything', () => {
    const { template } = synth({ ...CASES.nlb, TAGS: { Owner: 'platform' } });
    for (const type of ['AWS::EC2::VPC', 'AWS::S3::Bucket', 'AWS::ECS::Service', 'AWS::ECS::TaskDefinition', 'AWS::IAM::Role', 'AWS::ElasticLoadBalancingV2::LoadBalancer']) {
      for (const { Properties } of Object.values(resources(template, type))) {
        expect(pairs(Properties['Tags']), type).toMatchObject({ Application: 'reverse-proxy', Environment: 'dev', Owner: 'platform' });
      }
    }
  });
});

describe('alb: plaintext to the tasks, fast scaling', () => {
  it('has an internal ALB with an HTTPS listener', () => {
    const balancer = one(made.alb, 'AWS::ElasticLoadBalancingV2::LoadBalancer');
    expect(balancer).toMatchObject({ Name: 'reverse-proxy-dev-alb', Type: 'application', Scheme: 'internal' });
    expect(pairs(balancer['LoadBalancerAttributes'])).toEqual({
      'deletion_protection.enabled': 'true', 'idle_timeout.timeout_seconds': '60', 'routing.http.drop_invalid_header_fields.enabled': 'false',
    });
    expect(one(made.alb, 'AWS::ElasticLoadBalancingV2::Listener')).toMatchObject({ Protocol: 'HTTPS', Port: 443, SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06' });
  });

  it.each([
    [{}, {}, '60', '75s'],
    [{ longest_timeout: 30 }, {}, '60', '75s'],
    [{ longest_timeout: 300 }, {}, '305', '320s'],
    [{ longest_timeout: 90 }, { ALB_IDLE_TIMEOUT: 120 }, '120', '135s'],
  ])('waits longer than the mapping lets an API be silent (%o, %o), and tasks longer than it', (plan, changes, idle, kept) => {
    const { template } = synth({ ...CASES.alb, ...changes, DROP_INVALID_HEADER_FIELDS: true, PLAN: { ...CASES.alb.PLAN, ...plan } });
    expect(pairs(one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer')['LoadBalancerAttributes'])).toMatchObject({
      'idle_timeout.timeout_seconds': idle, 'routing.http.drop_invalid_header_fields.enabled': 'true',
    });
    expect(settings(template)['client']).toEqual({ keep_alive: kept });
  });

  it('speaks HTTP/1.1 to port 8080', () => {
    const targets = one(made.alb, 'AWS::ElasticLoadBalancingV2::TargetGroup');
    expect(targets).toMatchObject({ Name: 'reverse-proxy-dev-alb-web', Protocol: 'HTTP', ProtocolVersion: 'HTTP1', Port: 8080, HealthCheckPort: '9901', HealthCheckPath: '/readyz' });
    expect(pairs(targets['TargetGroupAttributes'])).toEqual({ 'deregistration_delay.timeout_seconds': '60' });
    expect(rules(made.alb).filter((rule) => rule.startsWith('LoadBalancer out'))).toEqual(['LoadBalancer out 8080 Task', 'LoadBalancer out 9901 Task']);
  });

  it('speaks HTTPS where the listener has TLS', () => {
    const { template } = synth({ ...CASES.alb, LISTENER_TLS: true });
    expect(one(template, 'AWS::ElasticLoadBalancingV2::TargetGroup')).toMatchObject({ Name: 'reverse-proxy-dev-alb-tls', Protocol: 'HTTPS', Port: 8443 });
  });

  it('believes X-Forwarded-For of the load balancer\'s subnets', () => {
    expect(settings(made.alb)['listeners']).toEqual([{ address: '0.0.0.0:8080' }]);
    expect(settings(made.alb)['forwarded']).toEqual({ trust: ['10.0.0.0/20', '10.0.16.0/20'] });
  });

  it('scales on the metric of 20 seconds, and has the service publish it', () => {
    expect(one(made.alb, 'AWS::ApplicationAutoScaling::ScalingPolicy')['TargetTrackingScalingPolicyConfiguration'].PredefinedMetricSpecification).toEqual({
      PredefinedMetricType: 'ECSServiceAverageCPUUtilizationHighResolution',
    });
    expect(one(made.alb, 'AWS::ECS::Service')['Monitoring']).toEqual({ MetricConfigurations: [{ MetricNames: ['CPUUtilization'], ResolutionSeconds: 20 }] });
  });

  it('alarms on 5xx of the load balancer\'s own', () => {
    const names = Object.values(resources(made.alb, 'AWS::CloudWatch::Alarm')).map(({ Properties: p }) => [p['Namespace'], p['MetricName']]);
    expect(names).toContainEqual(['AWS/ApplicationELB', 'HTTPCode_ELB_5XX_Count']);
    expect(names.map(([, metric]) => metric)).not.toContain('TargetTLSNegotiationErrorCount');
  });
});

describe('existing: in a VPC that is there', () => {
  it('makes no network, and only the endpoints that are missing', () => {
    for (const type of ['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::RouteTable', 'AWS::EC2::FlowLog']) {
      made.existing.resourceCountIs(type, 0);
    }
    expect(endpoints(made.existing)).toEqual([
      'Gateway com.amazonaws.eu-west-1.s3',
      'Interface com.amazonaws.eu-west-1.ecr.api private DNS',
      'Interface com.amazonaws.eu-west-1.ecr.dkr private DNS',
      'Interface com.amazonaws.eu-west-1.logs private DNS',
      'Interface com.amazonaws.eu-west-1.ssmmessages private DNS',
    ]);
    const gateway = Object.values(resources(made.existing, 'AWS::EC2::VPCEndpoint')).find(({ Properties: p }) => p['VpcEndpointType'] === 'Gateway');
    expect(gateway!.Properties['RouteTableIds']).toEqual(['rtb-0123456789abcdef0']);
  });

  it('dials the endpoint that is there', () => {
    expect(settings(made.existing)['endpoint']).toEqual({ name: 'vpce-0123456789abcdef0-abcdefgh.execute-api.eu-west-1.vpce.amazonaws.com' });
    expect(made.existing.toJSON()['Outputs'].VpcEndpointId.Value).toBe('vpce-0123456789abcdef0');
  });

  it('puts load balancer and tasks into the subnets that were given', () => {
    const subnets = ['subnet-0123456789abcdef0', 'subnet-0fedcba9876543210'];
    expect(one(made.existing, 'AWS::ElasticLoadBalancingV2::LoadBalancer')['Subnets']).toEqual(subnets);
    expect(one(made.existing, 'AWS::ECS::Service')['NetworkConfiguration'].AwsvpcConfiguration.Subnets).toEqual(subnets);
  });

  it('allows ECS Exec, which writes into the root file system', () => {
    expect(one(made.existing, 'AWS::ECS::Service')['EnableExecuteCommand']).toBe(true);
    expect(one(made.existing, 'AWS::ECS::TaskDefinition')['ContainerDefinitions'][0].ReadonlyRootFilesystem).toBe(false);
  });

  it('uses the groups that were given, and adds no rule to them', () => {
    const { template } = synth({
      ...CASES.existing,
      EXTERNAL_ALB_SG_ID: 'sg-0000000a', EXTERNAL_FARGATE_SG_ID: 'sg-0000000b', EXTERNAL_ENDPOINT_SG_ID: 'sg-0000000c', S3_PREFIX_LIST_ID: null,
    } as never);
    for (const type of ['AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress', 'AWS::EC2::SecurityGroupEgress']) {
      template.resourceCountIs(type, 0);
    }
    expect(one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer')['SecurityGroups']).toEqual(['sg-0000000a']);
    expect(one(template, 'AWS::ECS::Service')['NetworkConfiguration'].AwsvpcConfiguration.SecurityGroups).toEqual(['sg-0000000b']);
  });
});

describe('zones that are not made', () => {
  const zones = { 'internal.private.example.com': 'Z0INTERNAL', 'team.internal.private.example.com': 'Z0TEAM' };

  it('get their records where they are there', () => {
    const { nested } = synth({ ...CASES.nlb, HOSTED_ZONES: 'existing', HOSTED_ZONE_IDS: zones });
    const all = [...nested.values()];
    expect(all.flatMap((template) => Object.keys(resources(template, 'AWS::Route53::HostedZone')))).toEqual([]);
    const records = all.flatMap((template) => Object.values(resources(template, 'AWS::Route53::RecordSet')).map(({ Properties: p }) => `${p['Name']} ${p['HostedZoneId']}`));
    expect(records.sort()).toEqual([
      '*.internal.private.example.com Z0INTERNAL', '*.team.internal.private.example.com Z0TEAM', 'team.internal.private.example.com Z0TEAM',
    ]);
  });

  it('get none where somebody else writes them', () => {
    const { template, nested } = synth({ ...CASES.nlb, HOSTED_ZONES: 'none' });
    expect([...nested.keys()]).toEqual([]);
    expect(template.toJSON()['Outputs'].ElbHostedZoneId.Value).toEqual({ 'Fn::GetAtt': [expect.stringContaining('LoadBalancer'), 'CanonicalHostedZoneID'] });
  });
});

describe('the first deployment', () => {
  it('makes all but the service, so that image and mapping can be there before it', () => {
    const { template } = synth({ ...CASES.nlb, SERVICE: false });
    for (const type of ['AWS::ECS::Service', 'AWS::ApplicationAutoScaling::ScalableTarget', 'AWS::ApplicationAutoScaling::ScalingPolicy', 'AWS::CloudWatch::Alarm']) {
      template.resourceCountIs(type, 0);
    }
    const all = Object.entries(made.nlb.toJSON()['Resources']);
    const kept = all.filter(([, resource]: any) => !/::(Service|ScalableTarget|ScalingPolicy|Alarm)$/.test(resource.Type));
    expect(template.toJSON()['Resources']).toEqual(Object.fromEntries(kept));
  });
});

describe('public subnets', () => {
  it('come with an internet gateway, and nothing of ours is in them', () => {
    const { template } = synth({ ...CASES.nlb, PUBLIC_SUBNETS: true });
    const cidrs = Object.values(resources(template, 'AWS::EC2::Subnet')).map(({ Properties: p }) => p['CidrBlock']);
    expect(cidrs.sort()).toEqual(['10.0.0.0/20', '10.0.128.0/20', '10.0.144.0/20', '10.0.16.0/20']);
    template.resourceCountIs('AWS::EC2::InternetGateway', 1);
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
    expect(one(template, 'AWS::ECS::Service')).toEqual(one(made.nlb, 'AWS::ECS::Service'));
    expect(one(template, 'AWS::ElasticLoadBalancingV2::LoadBalancer')).toEqual(one(made.nlb, 'AWS::ElasticLoadBalancingV2::LoadBalancer'));
  });
});

it('has no Lambda and no custom resource', () => {
  for (const template of Object.values(made)) {
    const types = Object.values<any>(template.toJSON()['Resources']).map((resource) => resource.Type);
    expect(types.filter((type) => /Lambda|^Custom::|CustomResource/.test(type))).toEqual([]);
  }
});
