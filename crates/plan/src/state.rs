//! A previous plan, as far as the next one goes by it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::certificate::{Certificate, DIGITS};
use super::options::Elb;
use super::zones::ZoneMode;
use nameplate_core::domain::host::Host;

/// The format of a plan. Another number is another meaning of the fields.
pub const FORMAT: u32 = 1;

/// What there is already.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct State {
    /// The options it was made with.
    pub options: StateOptions,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
    /// The id of the listener's default certificate.
    pub default_certificate: Option<String>,
}

/// The options of a previous plan that change what there is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StateOptions {
    /// What got a zone.
    pub zones: ZoneMode,
    /// The kind of load balancer.
    pub elb: Elb,
    /// Domains of which the mapping has every name.
    pub own: BTreeSet<String>,
    /// Public hosted zones that were said to be there.
    pub validation_zones: BTreeSet<String>,
}

/// Why a text is no previous plan: what is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFault {
    /// What is wrong, in one line.
    pub what: String,
    /// How to mend it, in one line.
    pub help: &'static str,
}

const HELP: &str =
    "name a file that `nameplate plan` wrote, by --output or by --tfvars; leave --state out for a first plan";

impl State {
    /// Whether a text is a plan of any format, or has one as `PLAN`: whole or not, somebody may go by it.
    pub fn is_in(text: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return false };
        value.get("PLAN").unwrap_or(&value).get("format").is_some()
    }

    /// Reads a plan, or a file of Terraform variables with one as `PLAN`.
    pub fn parse(text: &str) -> Result<State, StateFault> {
        let fault = |what: String| StateFault { what, help: HELP };
        let mut value: Value = serde_json::from_str(text).map_err(|e| fault(format!("it is not JSON: {e}")))?;
        if let Some(plan) = value.get_mut("PLAN") {
            value = plan.take();
        }
        match value.get("format") {
            Some(format) if *format == FORMAT => {}
            Some(format) => {
                return Err(StateFault {
                    what: format!("it is a plan of format {format}, and this version reads format {FORMAT}"),
                    help: "use the version of nameplate that wrote it, or plan anew: --repack without --state",
                });
            }
            None => return Err(fault("it is no plan: it has no `format`".into())),
        }
        let state: State = serde_json::from_value(value).map_err(|e| fault(format!("it is no whole plan: {e}")))?;
        state.check().map_err(fault)?;
        Ok(state)
    }

    fn check(&self) -> Result<(), String> {
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for certificate in &self.certificates {
            let id = &certificate.id;
            if !is_id(id) {
                return Err(format!("`{id}` is no certificate's id: it is `c-` and {DIGITS} hexadecimal digits"));
            }
            if !ids.insert(id) {
                return Err(format!("two certificates have the id `{id}`"));
            }
            if certificate.names.is_empty() {
                return Err(format!("certificate {id} has no names"));
            }
            if let Some(name) = certificate.names.iter().find(|name| !names.insert(*name)) {
                return Err(format!("`{name}` stands in a certificate twice, or in two"));
            }
            for name in certificate.names.iter().chain([&certificate.validation_zone]) {
                let as_written = Host::parse(name).is_ok_and(|host| host.as_str() == name);
                if !as_written {
                    return Err(format!("certificate {id} has `{name}`, which is no domain name in lower case"));
                }
            }
        }
        match self.default_certificate.as_ref().filter(|default| !ids.contains(default)) {
            Some(default) => Err(format!("its default certificate `{default}` is none of its certificates")),
            None => Ok(()),
        }
    }
}

fn is_id(id: &str) -> bool {
    let digits = id.strip_prefix("c-").unwrap_or_default();
    digits.len() == DIGITS && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
