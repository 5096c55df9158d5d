//! The policy that a stage serves, as far as AWS can be asked.
//!
//! A deployment by `nameplate policy apply` names its policy in its description. For other deployments, the stage's export
//! has the policy.

use super::comparison::Mapping;
use super::observed::RestApi;
use crate::policy::deployed::{Deployment, Standing, standing};
use crate::policy::in_force::InForce;
use crate::policy::{Api, ApiPolicy, Options};
use nameplate_core::domain::version::Version;
use nameplate_core::mapping::load::version_of;

/// Reports whether a stage's deployment names the policy that it was made with, so that the stage's export need not be read.
pub fn is_named(
    api: &Api<'_>,
    mapping: Mapping<'_>,
    options: &Options,
    (found, deployments): (&RestApi, &[Deployment]),
    (stage, serving): (&str, &str),
) -> bool {
    let Ok(made) = api.policy(mapping.ids, options) else { return false };
    let Ok(in_force) = InForce::read(&found.policy, api.region, api.id) else { return false };
    matches!(standing(deployments, serving, &fingerprint(&in_force, &made), stage), Standing::Deployed(_))
}

/// The fingerprint that `nameplate policy apply` describes a deployment with, where it leaves the statements of others.
pub(super) fn fingerprint(in_force: &InForce, made: &ApiPolicy) -> Version {
    let has_foreign = !in_force.foreign().is_empty();
    let text = if has_foreign { in_force.kept_beside(&made.policy) } else { made.policy.text() };
    version_of(text.as_bytes())
}
