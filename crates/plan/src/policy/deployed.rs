//! Whether a policy is deployed, as far as AWS can be asked.
//!
//! A policy works only after a deployment, and nothing says which policy a deployment has. So ours say it
//! in their descriptions: `apply` names the stage, the mapping, and a fingerprint of the policy.

use std::time::SystemTime;

use nameplate_core::domain::version::Version;

/// How a deployment of ours begins to describe itself.
const BEGIN: &str = "nameplate policy ";

/// A deployment: an API as it was at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// The description that its author gave it.
    pub description: String,
    /// When it was made.
    pub created: SystemTime,
}

/// How the policy in force and what a stage serves stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'d> {
    /// The stage serves a deployment of ours that has this policy.
    Deployed(&'d str),
    /// We deployed this policy last, and the stage was set back to an older deployment since.
    SetBack(&'d str),
    /// What the stage serves is of another policy, or of nobody knows which.
    Unknown,
}

/// What a deployment of ours says of itself.
pub fn description(fingerprint: &Version, mapping: &Version, stage: &str) -> String {
    format!("{BEGIN}{fingerprint} of mapping {mapping} for stage {stage}")
}

/// How a policy stands that is in force.
///
/// Only the deployment that the stage serves counts. A later one of somebody else may have been made while
/// another policy was on the API.
pub fn standing<'d>(deployments: &'d [Deployment], serving: &str, fingerprint: &Version, stage: &str) -> Standing<'d> {
    let (begin, end) = (format!("{BEGIN}{fingerprint} "), format!(" for stage {stage}"));
    let has_it = |of: &Deployment| of.description.starts_with(&begin);
    let Some(now) = deployments.iter().find(|of| of.id == serving) else { return Standing::Unknown };
    if has_it(now) {
        return Standing::Deployed(&now.id);
    }
    let ours = |of: &&Deployment| is_ours(of) && of.description.ends_with(&end);
    match deployments.iter().filter(ours).max_by_key(|of| of.created) {
        Some(last) if has_it(last) && now.created < last.created => Standing::SetBack(&now.id),
        _ => Standing::Unknown,
    }
}

/// Whether we made a deployment.
pub fn is_ours(of: &Deployment) -> bool {
    of.description.starts_with(BEGIN)
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
    fn what_the_stage_serves_tells() {
        check(&[("d1", of(&OURS, "dev"))], "d1", Standing::Deployed("d1"));
        check(&[("d1", of(&OTHER, "dev")), ("d2", of(&OURS, "dev"))], "d2", Standing::Deployed("d2"));
        check(&[("d1", of(&OURS, "dev")), ("d2", of(&OTHER, "dev"))], "d2", Standing::Unknown);
        check(&[("d1", of(&OURS, "dev"))], "gone", Standing::Unknown);
        check(&[], "d1", Standing::Unknown);
    }

    #[test]
    fn a_later_deployment_of_somebody_else_may_have_another_policy() {
        check(&[("d1", of(&OURS, "dev")), ("d2", "release 7".into())], "d2", Standing::Unknown);
        check(&[("d1", "release 7".into())], "d1", Standing::Unknown);
    }

    #[test]
    fn a_deployment_that_is_handed_on_takes_its_policy_along() {
        check(&[("d1", of(&OURS, "test"))], "d1", Standing::Deployed("d1"));
    }

    #[test]
    fn another_stages_deployment_does_not_count() {
        check(&[("d1", of(&OURS, "prod")), ("d2", "x".into())], "d2", Standing::Unknown);
        check(&[("d1", "x".into()), ("d2", of(&OURS, "my-dev"))], "d1", Standing::Unknown);
    }

    #[test]
    fn a_stage_that_was_set_back_is_told() {
        check(&[("d1", "release 6".into()), ("d2", of(&OURS, "dev"))], "d1", Standing::SetBack("d1"));
        let back = [("d1", of(&OURS, "dev")), ("d2", of(&OURS, "dev"))];
        check(&back, "d1", Standing::Deployed("d1"));
        let to_another = [("d1", "x".into()), ("d2", of(&OURS, "dev")), ("d3", of(&OTHER, "dev"))];
        check(&to_another, "d1", Standing::Unknown);
    }
}
