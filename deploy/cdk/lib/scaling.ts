import * as scaling from 'aws-cdk-lib/aws-applicationautoscaling';
import { Construct } from 'constructs';
import type { Settled } from './props';
import type { Service } from './service';

/** Tasks between TASK_SCALE_MIN and TASK_SCALE_MAX, as many as keep the CPU at TASK_SCALE_CPU_PCT. */
export class Scaling extends Construct {
  constructor(scope: Construct, id: string, { vars, prefix }: Settled, service: Service) {
    super(scope, id);
    if (service.service === undefined) {
      return;
    }
    const target = new scaling.CfnScalableTarget(this, 'Target', {
      serviceNamespace: 'ecs',
      scalableDimension: 'ecs:service:DesiredCount',
      resourceId: `service/${service.clusterName}/${service.service.attrName}`,
      minCapacity: vars.TASK_SCALE_MIN,
      maxCapacity: vars.TASK_SCALE_MAX,
    });
    new scaling.CfnScalingPolicy(this, 'Cpu', {
      policyName: `${prefix}-cpu`,
      policyType: 'TargetTrackingScaling',
      scalingTargetId: target.ref,
      targetTrackingScalingPolicyConfiguration: {
        targetValue: vars.TASK_SCALE_CPU_PCT,
        predefinedMetricSpecification: {
          predefinedMetricType: vars.HIGH_RESOLUTION_SCALING ? 'ECSServiceAverageCPUUtilizationHighResolution' : 'ECSServiceAverageCPUUtilization',
        },
        scaleOutCooldown: 60,
        scaleInCooldown: 300,
      },
    });
  }
}
