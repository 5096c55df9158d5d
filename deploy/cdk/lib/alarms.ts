import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { LoadBalancer } from './load-balancer';
import type { Settled } from './props';
import type { Service } from './service';

/** One alarm, as far as they differ. */
interface Alarm {
  readonly what: string;
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Record<string, string>;
  readonly statistic: 'Maximum' | 'Average' | 'Sum';
  readonly comparison: 'LessThanThreshold' | 'GreaterThanThreshold';
  readonly threshold: number;
  readonly period: number;
  readonly periods: number;
  readonly missing: 'breaching' | 'notBreaching';
}

/** What somebody should look at. There is none where there is no service. */
export class Alarms extends Construct {
  constructor(scope: Construct, id: string, settled: Settled, balancer: LoadBalancer, service: Service) {
    super(scope, id);
    const { vars, prefix } = settled;
    if (service.service === undefined) {
      return;
    }
    const actions = vars.ALARM_TOPIC_ARN === null ? {} : { alarmActions: [vars.ALARM_TOPIC_ARN], okActions: [vars.ALARM_TOPIC_ARN] };
    for (const [name, alarm] of Object.entries(alarmsOf(settled, balancer, service.clusterName, service.service.attrName))) {
      new cloudwatch.CfnAlarm(this, name, {
        alarmName: `${prefix}-${name}`,
        alarmDescription: alarm.what,
        namespace: alarm.namespace,
        metricName: alarm.metric,
        dimensions: Object.entries(alarm.dimensions).map(([key, value]) => ({ name: key, value })),
        statistic: alarm.statistic,
        comparisonOperator: alarm.comparison,
        threshold: alarm.threshold,
        period: alarm.period,
        evaluationPeriods: alarm.periods,
        datapointsToAlarm: alarm.periods,
        treatMissingData: alarm.missing,
        ...actions,
      });
    }
  }
}

function alarmsOf({ vars }: Settled, balancer: LoadBalancer, cluster: string, service: string): Record<string, Alarm> {
  const nlb = vars.ELB_TYPE === 'NLB';
  const namespace = nlb ? 'AWS/NetworkELB' : 'AWS/ApplicationELB';
  const dimensions = { LoadBalancer: balancer.fullName };
  const targets = { ...dimensions, TargetGroup: balancer.targetGroupFullName };
  const over = { comparison: 'GreaterThanThreshold', missing: 'notBreaching' } as const;
  const tlsErrors = {
    'tls-errors': {
      ...over, namespace, dimensions, metric: 'TargetTLSNegotiationErrorCount', statistic: 'Sum', threshold: 10, period: 300, periods: 1,
      what: 'TLS between the load balancer and the tasks fails',
    },
  } as const;
  const serverErrors = {
    'server-errors': {
      ...over, namespace, dimensions, metric: 'HTTPCode_ELB_5XX_Count', statistic: 'Sum', threshold: 10, period: 300, periods: 1,
      what: 'The load balancer answers 5xx itself: it does not reach the tasks',
    },
  } as const;
  // Of an ALB that others share, only what is about our tasks.
  const connectionErrors = {
    'connection-errors': {
      ...over, namespace, dimensions: targets, metric: 'TargetConnectionErrorCount', statistic: 'Sum', threshold: 10, period: 300, periods: 1,
      what: 'The load balancer cannot connect to the tasks',
    },
  } as const;
  return {
    'no-healthy-target': {
      // The maximum over the load balancer's nodes: a node without a task in its zone counts none.
      namespace, dimensions: targets, metric: 'HealthyHostCount', statistic: 'Maximum', comparison: 'LessThanThreshold', threshold: 1, period: 60, periods: 2,
      missing: 'breaching', what: 'No task has been healthy for two minutes: no private API can be reached by its name',
    },
    'unhealthy-targets': {
      ...over, namespace, dimensions: targets, metric: 'UnHealthyHostCount', statistic: 'Maximum', threshold: 0, period: 60, periods: 5,
      what: 'A task has not been ready for five minutes',
    },
    'cpu-high': {
      ...over, namespace: 'AWS/ECS', dimensions: { ClusterName: cluster, ServiceName: service }, metric: 'CPUUtilization', statistic: 'Average', threshold: 90, period: 60, periods: 5,
      what: 'The tasks are short of CPU: scaling has reached TASK_SCALE_MAX, or is too slow',
    },
    ...(nlb ? (vars.LISTENER_TLS ? tlsErrors : {}) : vars.EXISTING_ELB_ARN === null ? serverErrors : connectionErrors),
  };
}
