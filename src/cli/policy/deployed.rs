//! Whether a policy is deployed, as far as AWS can be asked.
//!
//! A policy works only after a deployment, and nothing says which policy a deployment has. So ours say it
//! in their descriptions: `apply` names the stage, the mapping, and a fingerprint of the policy.

use crate::aws::gateway::Deployment;
use crate::domain::version::Version;

/// How a deployment of ours begins to describe itself.
const BEGIN: &str = "nameplate policy ";

/// How the policy in force and what a stage serves stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'d> {
    /// The last deployment we made for the stage has this policy, and the stage serves it or a later one.
    Deployed(&'d str),
    /// It has, and the stage was set back to an older deployment since.
    SetBack(&'d str),
    /// We deployed another policy last, or none: whoever put this one may not have deployed it.
    Unknown,
}

/// What a deployment of ours says of itself.
pub(super) fn description(fingerprint: &Version, mapping: &Version, stage: &str) -> String {
    format!("{BEGIN}{fingerprint} of mapping {mapping} for stage {stage}")
}

/// How a policy stands that is in force.
pub(super) fn standing<'d>(
    deployments: &'d [Deployment],
    serving: &str,
    fingerprint: &Version,
    stage: &str,
) -> Standing<'d> {
    let end = format!(" for stage {stage}");
    let ours = |of: &&Deployment| of.description.starts_with(BEGIN) && of.description.ends_with(&end);
    let Some(last) = deployments.iter().filter(ours).max_by_key(|of| of.created) else { return Standing::Unknown };
    if !last.description.starts_with(&format!("{BEGIN}{fingerprint} ")) {
        return Standing::Unknown;
    }
    match deployments.iter().find(|of| of.id == serving) {
        Some(now) if now.created < last.created => Standing::SetBack(&now.id),
        _ => Standing::Deployed(&last.id),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const OURS: Version = Version([1; 32]);
    const OTHER: Version = Version([2; 32]);

    /// Deployments in the order they were made, and what is told of our policy on `dev`, which serves one.
    #[track_caller]
    fn check(made: &[(&str, String)], serving: &str, want: Standing<'_>) {
        let deployment = |(at, (id, description)): (usize, &(&str, String))| Deployment {
            id: (*id).to_owned(),
            description: description.clone(),
            created: SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64),
        };
        let mut deployments: Vec<_> = made.iter().enumerate().map(deployment).collect();
        // AWS gives them in no order that it tells.
        deployments.reverse();
        assert_eq!(standing(&deployments, serving, &OURS, "dev"), want, "{made:?}");
    }

    fn of(policy: &Version, stage: &str) -> String {
        description(policy, &OTHER, stage)
    }

    #[test]
    fn our_last_deployment_of_the_stage_tells() {
        check(&[("d1", of(&OURS, "dev"))], "d1", Standing::Deployed("d1"));
        check(&[("d1", of(&OTHER, "dev")), ("d2", of(&OURS, "dev"))], "d2", Standing::Deployed("d2"));
        check(&[("d1", of(&OURS, "dev")), ("d2", of(&OTHER, "dev"))], "d2", Standing::Unknown);
    }

    #[test]
    fn a_later_deployment_of_somebody_else_has_the_policy_too() {
        check(&[("d1", of(&OURS, "dev")), ("d2", "release 7".into())], "d2", Standing::Deployed("d1"));
        check(&[("d1", "release 7".into())], "d1", Standing::Unknown);
        check(&[], "d1", Standing::Unknown);
    }

    #[test]
    fn another_stages_deployment_does_not_count() {
        check(&[("d1", of(&OURS, "prod")), ("d2", "x".into())], "d2", Standing::Unknown);
        check(&[("d1", of(&OURS, "my-dev"))], "d1", Standing::Unknown);
    }

    #[test]
    fn a_stage_that_was_set_back_is_told() {
        check(&[("d1", "release 6".into()), ("d2", of(&OURS, "dev"))], "d1", Standing::SetBack("d1"));
    }
}
