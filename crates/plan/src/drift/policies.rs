//! The policy of an API, and the policy that each of its stages serves.

use super::deployed::fingerprint;
use super::finding::Subject;
use super::kind::{Kind, Severity};
use super::observed::{Look, Reason, RestApi, Stage};
use super::report::{Lines, Report};
use crate::policy::deployed::{Deployment, Standing, is_ours, standing};
use crate::policy::excess::shortfall::{Shortfall, shortfall};
use crate::policy::excess::{Excess, ExcessFault, Witness, excess};
use crate::policy::in_force::InForce;
use crate::policy::{Api, ApiPolicy};
use crate::warning::and_more;

/// Statements that a finding lists.
const LISTED: usize = 3;

pub(super) fn check(of: &Api<'_>, api: &RestApi, stages: &[&Stage], report: &mut Report<'_>) {
    if api.policy.trim().is_empty() {
        let lines = Lines {
            has: format!("the API `{}` has no policy", api.name),
            wants: "a policy that lets in the calls of these domains; a private API without one answers nobody"
                .to_owned(),
            fix: fix(of, ""),
        };
        return report.add(Kind::PolicyMissing, Severity::Outage, report.of_api(of, None), lines);
    }
    let in_force = match InForce::read(&api.policy, of.region, of.id) {
        Ok(in_force) => in_force,
        Err(error) => {
            let kinds = [Kind::PolicyWider, Kind::PolicyNarrower, Kind::PolicyForeign, Kind::NotDeployed];
            return report.add_unknown(&kinds, report.of_api(of, None), &unreadable(of, &error.to_string()));
        }
    };
    let foreign = in_force.foreign();
    if !foreign.is_empty() {
        report.add(Kind::PolicyForeign, Severity::Risk, report.of_api(of, None), foreign_lines(of, api, &foreign));
    }
    let made = of.policy(report.mapping.ids, &report.options.policies).ok();
    let is_as_made = made.as_ref().is_some_and(|made| in_force.change_to(&made.policy).is_none());
    if !is_as_made || !foreign.is_empty() {
        match Difference::of(&api.policy, of, report) {
            Ok(difference) => difference.tell(of, api, report),
            Err(reason) => {
                let kinds = [Kind::PolicyWider, Kind::PolicyNarrower];
                report.add_unknown(&kinds, report.of_api(of, None), &reason);
            }
        }
    }
    let serving = Serving { of, api, in_force: &in_force, made: made.as_ref(), is_as_made };
    stages.iter().for_each(|stage| serving.check(stage, report));
}

/// What a policy lets in that it should not, and the other way round.
struct Difference<'t> {
    excess: Vec<Excess>,
    shortfall: Vec<Shortfall<'t>>,
}

impl<'t> Difference<'t> {
    fn of(policy: &str, of: &Api<'t>, report: &Report<'_>) -> Result<Difference<'t>, Reason> {
        let ids = report.mapping.ids;
        let read = excess(policy, of, ids).and_then(|excess| Ok((excess, shortfall(policy, of, ids)?)));
        let (excess, shortfall) = read.map_err(|error| match error {
            ExcessFault::Policy(error) => unreadable(of, &error.to_string()),
            ExcessFault::Mapping(_) => Reason {
                what: "an entry is reached through an endpoint whose id is not given".to_owned(),
                help: "add --vpce NAME=ID for each ENDPOINT of the mapping".to_owned(),
            },
        })?;
        Ok(Difference { excess, shortfall })
    }

    fn tell(&self, of: &Api<'_>, api: &RestApi, report: &mut Report<'_>) {
        let too_alike = Reason {
            what: "the patterns of its policy are too many, or too much alike, to compare".to_owned(),
            help: fix(of, ""),
        };
        if let Some((call, origin)) = self.excess.iter().find_map(|of| call(&of.witness)) {
            let more = and_more(self.excess.len() - 1);
            let lines = Lines {
                has: format!("the policy of the API `{}` lets in {call} {origin}{more}", api.name),
                wants: "nothing but the verbs and paths of its entries, through their VPC endpoints".to_owned(),
                fix: fix(of, "; nameplate policy verify lists every resource that grants more"),
            };
            report.add(Kind::PolicyWider, Severity::Exposure, report.of_api(of, None), lines);
        } else if !self.excess.is_empty() {
            report.add_unknown(&[Kind::PolicyWider], report.of_api(of, None), &too_alike);
        }
        let refused: Vec<_> = self.shortfall.iter().filter_map(|of| Some((of.route, call(&of.witness)?))).collect();
        if let Some((route, (call, origin))) = refused.first() {
            let about = report.of_api(of, None);
            let concerned = report.of_routes(String::new(), refused.iter().map(|(route, _)| *route));
            let subject = Subject { domains: concerned.domains, owners: concerned.owners, ..about };
            let lines = Lines {
                has: format!("the policy of the API `{}` refuses {call} {origin}", api.name),
                wants: format!("it lets in what {}{} leads to", route.host(), route.base()),
                fix: fix(of, ""),
            };
            report.add(Kind::PolicyNarrower, Severity::Outage, subject, lines);
        } else if !self.shortfall.is_empty() {
            report.add_unknown(&[Kind::PolicyNarrower], report.of_api(of, None), &too_alike);
        }
    }

    /// How bad it is that a stage serves this policy.
    fn severity(&self) -> Severity {
        if !self.excess.is_empty() {
            Severity::Exposure
        } else if !self.shortfall.is_empty() {
            Severity::Outage
        } else {
            Severity::Risk
        }
    }
}

/// The policy of an API, beside what its stages serve.
struct Serving<'a> {
    of: &'a Api<'a>,
    api: &'a RestApi,
    in_force: &'a InForce,
    made: Option<&'a ApiPolicy>,
    /// Reports whether the API has the policy that the mapping makes.
    is_as_made: bool,
}

impl Serving<'_> {
    fn check(&self, stage: &Stage, report: &mut Report<'_>) {
        if !report.wants(&[Kind::NotDeployed]) {
            return;
        }
        let subject = report.of_api(self.of, Some(&stage.name));
        let deployments = match &self.api.deployments {
            Look::Found(deployments) => &deployments[..],
            Look::Gone => &[],
            Look::Unknown(reason) => return report.add_unknown(&[Kind::NotDeployed], subject, reason),
        };
        match self.state(stage, deployments, report) {
            State::Same => {}
            State::Other(severity, has) => {
                let wants = "the policy that the API has: a policy works only once it is deployed".to_owned();
                let redeploy = if self.is_as_made { " --redeploy" } else { "" };
                let (id, name) = (self.of.id, &stage.name);
                let fix = format!("nameplate policy apply MAPPING --vpce ID --api-id {id} --stage {name}{redeploy}");
                report.add(Kind::NotDeployed, severity, subject, Lines { has, wants, fix });
            }
            State::Unknown(reason) => report.add_unknown(&[Kind::NotDeployed], subject, &reason),
        }
    }

    fn state(&self, stage: &Stage, deployments: &[Deployment], report: &Report<'_>) -> State {
        let serving = &stage.deployment;
        let fingerprint = self.made.map(|made| fingerprint(self.in_force, made));
        let standing = fingerprint.map(|print| standing(deployments, serving, &print, &stage.name));
        match (&standing, &stage.policy) {
            (Some(Standing::Deployed(_)), _) if self.is_as_made => State::Same,
            (Some(Standing::Deployed(_)), _) => {
                let has = format!(
                    "it serves deployment {serving} with the policy of the mapping, and the API's policy was changed since: \
                     the next deployment makes that one active"
                );
                State::Other(Severity::Risk, has)
            }
            (_, Some(Look::Found(policy))) => self.exported(serving, policy, report),
            (Some(Standing::SetBack(to)), _) => {
                let has = format!("it was set back to deployment {to}, which is older than the policy");
                State::Other(Severity::Risk, has)
            }
            _ if self.is_as_made && deployments.iter().any(|of| of.id == *serving && is_ours(of)) => {
                let has = format!("it serves deployment {serving}, which Nameplate made with another policy");
                State::Other(Severity::Risk, has)
            }
            (_, Some(Look::Unknown(reason))) => State::Unknown(reason.clone()),
            _ => State::Unknown(Reason {
                what: format!(
                    "deployment {serving} is not by Nameplate, and the stage's export does not tell which policy it has"
                ),
                help: format!(
                    "nameplate policy apply MAPPING --vpce ID --api-id {} --stage {} deploys it once and says so; or --ignore \
                     not_deployed",
                    self.of.id, stage.name
                ),
            }),
        }
    }

    /// Compares the policy that a stage's export has.
    fn exported(&self, serving: &str, policy: &str, report: &Report<'_>) -> State {
        match InForce::read(policy, self.of.region, self.of.id) {
            Ok(deployed) if deployed.says_the_same(self.in_force) => State::Same,
            Ok(_) => {
                let has = format!("it serves deployment {serving}, which has another policy than the API");
                let severity = Difference::of(policy, self.of, report).map_or(Severity::Risk, |of| of.severity());
                State::Other(severity, has)
            }
            Err(error) => State::Unknown(unreadable(self.of, &error.to_string())),
        }
    }
}

/// What a stage serves, beside what the API has.
enum State {
    Same,
    Other(Severity, String),
    Unknown(Reason),
}

/// A call, and where it comes from; none where no call is known.
fn call(witness: &Witness) -> Option<(String, String)> {
    let Witness::Call { stage, verb, path, origin, is_conditional } = witness else { return None };
    let referer = origin.referer.as_ref().map(|referer| format!(" with the Referer {referer}")).unwrap_or_default();
    let where_met = if *is_conditional { ", where other conditions of the statement are met" } else { "" };
    Some((format!("{verb} /{stage}{path}"), format!("through {}{referer}{where_met}", origin.vpce)))
}

fn foreign_lines(of: &Api<'_>, api: &RestApi, foreign: &[String]) -> Lines {
    let listed = foreign.iter().take(LISTED).cloned().collect::<Vec<_>>().join(" ");
    let more = and_more(foreign.len().saturating_sub(LISTED));
    Lines {
        has: format!("the policy of the API `{}` has {listed}{more}", api.name),
        wants: "only statements that Nameplate writes, so that the mapping says who calls the API".to_owned(),
        fix: fix(of, "; --replace drops them, and with --keep they stay: then --ignore policy_foreign"),
    }
}

fn unreadable(of: &Api<'_>, error: &str) -> Reason {
    Reason { what: error.to_owned(), help: fix(of, "; --replace puts the policy of the mapping in its place") }
}

/// The command that puts and deploys the policy of an API.
fn fix(of: &Api<'_>, more: &str) -> String {
    let stages = of.stages();
    let (stage, each) = match &stages[..] {
        [one] => (one.as_str(), String::new()),
        more => ("STAGE", format!(" for each of {}", more.join(", "))),
    };
    format!("nameplate policy apply MAPPING --vpce ID --api-id {} --stage {stage}{each}{more}", of.id)
}
