//! The manifest of a mapping's APIs: which role applies the policy of each.
//!
//! It is written from the mapping and kept beside it; people fill in the roles, and writing it anew keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::super::exit::{FAULTY, UNUSABLE};
use super::super::load::{Loaded, NotLoaded, load};
use super::options::Refused;
use super::outcome::{DONE, Said, say};
use crate::aws::gateway::Role;
use nameplate_core::accounts::check_role;
use nameplate_core::settings::{MappingSource, ReloadRules};
use nameplate_plan::policy::apis;

/// What stands at its head.
const HEAD: &str = "\
# Which role applies the resource policy of each API: nameplate policy apply --all. `role` is the ARN of a role in the
# API's account that whoever runs it may assume; without one, the credentials at hand apply it. Write it anew after a
# change of the mapping, with --from this file, and the roles stay: nameplate policy manifest.
";

/// What the command line of `policy manifest` says.
#[derive(Args, Clone, Debug)]
pub(super) struct ManifestArgs {
    /// The mapping: a file, `-` for standard input, s3://bucket/key, or an http(s) URL
    #[arg(value_name = "MAPPING")]
    mapping: MappingSource,
    /// The manifest so far: APIs that it names keep their role
    #[arg(long, value_name = "MANIFEST")]
    from: Option<PathBuf>,
    /// The role of APIs that have none yet
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    role: Option<String>,
}

/// All APIs, in the order of their ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) apis: Vec<Listed>,
}

/// One API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) api_id: String,
    pub(super) region: String,
    /// Those to deploy.
    pub(super) stages: Vec<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
}

impl Listed {
    /// Who applies its policy; `None` for the credentials at hand.
    pub(super) fn role(&self) -> Option<Role> {
        Some(Role { arn: self.role.clone()?, external_id: self.external_id.clone() })
    }
}

impl Manifest {
    /// Reads one, and refuses roles that are none and an API that is there twice.
    pub(super) fn read(path: &Path) -> Result<Manifest, Refused> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|e| {
            let help = "make one with nameplate policy manifest mapping.yaml";
            (UNUSABLE, format!("error: cannot read {name}: {e}\n  help: {help}"))
        })?;
        let wrong = |what: String| (FAULTY, format!("{name}: error: {what}"));
        let manifest: Manifest = serde_yaml::from_str(&text).map_err(|e| {
            let help = "it has `apis`, a list of `api_id`, `region`, `stages`, `role` and `external_id`";
            wrong(format!("{e}\n  help: {help}"))
        })?;
        let mut seen = BTreeMap::new();
        for of in &manifest.apis {
            if let Some(fault) = of.role.as_deref().and_then(|role| role_arn(role).err()) {
                return Err(wrong(format!("API `{}`: {fault}", of.api_id)));
            }
            if seen.insert((&of.api_id, &of.region), ()).is_some() {
                return Err(wrong(format!("API `{}` in {} is there twice\n  help: keep one", of.api_id, of.region)));
            }
        }
        Ok(manifest)
    }
}

/// An IAM role, as its ARN.
fn role_arn(text: &str) -> Result<String, String> {
    match check_role(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` is not a role's ARN; write arn:aws:iam::111122223333:role/NAME")),
    }
}

/// Writes the manifest of a mapping. Gives the exit code.
pub(super) fn manifest(args: &ManifestArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    match made(args, input) {
        Ok((manifest, gone)) => {
            for Listed { api_id, region, role, .. } in gone {
                let role = role.map(|role| format!("; its role was {role}")).unwrap_or_default();
                let _ = writeln!(said.err, "warning: API `{api_id}` in {region} is not in the mapping any more{role}");
            }
            let text = serde_yaml::to_string(&manifest).expect("text, lists and nothing else");
            match write!(said.out, "{HEAD}{text}") {
                Ok(()) => DONE,
                Err(e) => say(said, UNUSABLE, &format!("error: cannot print: {e}")),
            }
        }
        Err((code, what)) => say(said, code, &what),
    }
}

/// The manifest, and what the one before has besides.
fn made(args: &ManifestArgs, input: &mut dyn Read) -> Result<(Manifest, Vec<Listed>), Refused> {
    let old = args.from.as_deref().map(Manifest::read).transpose()?.unwrap_or_default();
    let Loaded { table, .. } = load(&args.mapping, &ReloadRules::default(), None, input).map_err(NotLoaded::refusal)?;
    let listed = |(id, region): (&str, &str), stages: Vec<String>| {
        let known = old.apis.iter().find(|of| of.api_id == id && of.region == region);
        let role = known.and_then(|of| of.role.clone()).or_else(|| args.role.clone());
        let external_id = known.and_then(|of| of.external_id.clone());
        Listed { api_id: id.into(), region: region.into(), stages, role, external_id }
    };
    let mut all: Vec<_> = apis(&table).iter().map(|api| listed((api.id, api.region), api.stages())).collect();
    all.sort_by(|a, b| (&a.api_id, &a.region).cmp(&(&b.api_id, &b.region)));
    let is_gone = |of: &&Listed| !all.iter().any(|kept| kept.api_id == of.api_id && kept.region == of.region);
    let gone = old.apis.iter().filter(is_gone).cloned().collect();
    Ok((Manifest { apis: all }, gone))
}
