import type { Settled } from './props';
import type { Variables } from './variables';

/** The load balancer's port. */
export const HTTPS_PORT = 443;
/** Where Nameplate answers /readyz. */
export const ADMIN_PORT = 9901;
/** The folder the last good mapping is kept in. */
export const CACHE = '/var/cache/nameplate';

/** Minutes until each agent of AppConfig has asked, and Nameplate the agent: APPCONFIG_POLL_SECONDS is 300 at most. */
const AGENT_MINUTES = 6;

/** The port that the load balancer connects to. */
export function listenerPort(vars: Variables): number {
  return vars.LISTENER_TLS ? 8443 : 8080;
}

/** Seconds of silence after which an NLB forgets a connection of a TLS listener. AWS has fixed it. */
const NLB_IDLE_TIMEOUT = 350;

/**
 * Seconds after which an ALB answers 504 by itself because its target is silent. 5 s more than the mapping allows let
 * Nameplate's own response arrive first.
 */
export function albIdleTimeout({ vars, plan }: Settled): number {
  return vars.ALB_IDLE_TIMEOUT ?? (vars.EXISTING_ELB_ARN !== null ? 60 : undefined) ?? Math.max(60, (plan.longest_timeout ?? 0) + 5);
}

/** Seconds of silence after which the load balancer ends a connection. */
export function idleTimeout(settled: Settled): number {
  return settled.vars.ELB_TYPE === 'NLB' ? NLB_IDLE_TIMEOUT : albIdleTimeout(settled);
}

/**
 * Seconds that tasks keep an idle connection. The side that sends the next request must be the first to give a connection
 * up, or a request meets a close. Behind an ALB that is the ALB. Through an NLB it is the client, and a task closes the
 * connection a few seconds before the NLB forgets it, so that the client notices.
 */
export function keepAlive(settled: Settled): number {
  return settled.vars.ELB_TYPE === 'NLB' ? NLB_IDLE_TIMEOUT - 10 : albIdleTimeout(settled) + 15;
}

/** What settings are made of that only exists after deployment. */
export interface Facts {
  readonly mappingUri: string;
  readonly endpointDnsName: string;
  readonly loadBalancerCidrs: string[];
}

/** Nameplate's settings: the keys of conf/nameplate.yaml, with EXTRA_SETTINGS on top. */
export function settingsOf(settled: Settled, facts: Facts): Record<string, unknown> {
  const { vars } = settled;
  const nlb = vars.ELB_TYPE === 'NLB';
  return {
    listeners: [
      {
        address: `0.0.0.0:${listenerPort(vars)}`,
        ...(vars.LISTENER_TLS ? { tls: { self_signed: ['nameplate.internal'] } } : {}),
        ...(nlb ? { proxy_protocol: { trust: facts.loadBalancerCidrs } } : {}),
      },
    ],
    admin: `0.0.0.0:${ADMIN_PORT}`,
    mapping: facts.mappingUri,
    endpoint: { name: facts.endpointDnsName },
    endpoints: Object.fromEntries(Object.entries(vars.EXTRA_ENDPOINTS).map(([name, dns]) => [name, { name: dns }])),
    forwarded: nlb ? { proto: 'https', port: HTTPS_PORT } : { trust: facts.loadBalancerCidrs },
    client: { keep_alive: `${keepAlive(settled)}s` },
    shutdown: shutdownOf(vars.STOP_TIMEOUT),
    log: { format: 'json' },
    // The alarms of a rollout need the metrics.
    ...(vars.MAPPING_SOURCE === 'appconfig' ? { emf: { interval: '60s', dimensions: { Service: settled.prefix }, new_mapping: `${vars.ROLLOUT_MINUTES + vars.ROLLOUT_BAKE_MINUTES + AGENT_MINUTES}m` } } : {}),
    ...vars.EXTRA_SETTINGS,
  };
}

/** `delay` and `grace_period` together stay below the seconds from SIGTERM to SIGKILL. */
export function shutdownOf(stopTimeout: number): { delay: string; grace_period: string } {
  const delay = stopTimeout >= 15 ? 5 : Math.floor(stopTimeout / 3);
  const grace = Math.max(1, stopTimeout - 10);
  return { delay: `${delay}s`, grace_period: `${grace}s` };
}
