//! `nameplate drift MAPPING`: where AWS differs from what the mapping needs. It reads, and changes nothing.
//!
//! Exit codes, for a job that runs every night: 0 nothing differs, 1 something does, 2 nothing was found to differ and not
//! everything could be looked at. A mapping with errors, too, is one that nothing can be said of: 2.

mod apis;
mod calls;
mod network;
mod print;
mod scope;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use futures_util::future::join;

use self::scope::Scope;
use super::accounts::{self, Whose};
use super::exit::UNUSABLE;
use super::format::OutputFormat;
use super::load::Loaded;
use super::policy::options::{Made, Refused, told};
use super::policy::outcome::{DONE, Said, run, say};
use nameplate_core::accounts::check_region;
use nameplate_core::domain::route::Route;
use nameplate_core::domain::table::MappingTable;
use nameplate_plan::drift;
use nameplate_plan::drift::comparison::{CERTIFICATE_DAYS, Mapping, Options};
use nameplate_plan::drift::finding::Drift;
use nameplate_plan::drift::kind::Kind;
use nameplate_plan::drift::observed::Observed;
use nameplate_plan::policy::{Api, EndpointIds, apis};

/// AWS differs from the mapping.
const DRIFTED: u8 = 1;

/// The longest time before its end that a certificate is reported: none is good for longer.
const MOST_DAYS: u64 = 10 * 365;

/// What the command line of `drift` says.
#[derive(Args, Clone, Debug)]
pub(super) struct DriftArgs {
    #[command(flatten)]
    made: Made,
    /// The accounts that have the APIs: a file of roles or profiles, with regions [default: the account of the
    /// credentials at hand]
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// The region of the load balancer, whose certificates are compared [default: the region of the credentials at hand,
    /// or the only one of the mapping]
    #[arg(long, value_name = "REGION", value_parser = region)]
    proxy_region: Option<String>,
    /// Report a certificate that ends within this many days
    #[arg(long, value_name = "DAYS", default_value_t = CERTIFICATE_DAYS, value_parser = clap::value_parser!(u64).range(0..=MOST_DAYS))]
    certificate_days: u64,
    /// A kind of drift that is neither looked for nor reported; repeatable
    #[arg(long, value_name = "KIND", value_parser = kind(), hide_possible_values = true)]
    ignore: Vec<Kind>,
    /// How to print what was found: grouped by owner for people, or as JSON
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Print the IAM policy that this command line needs, and call nothing: that of the credentials that read the
    /// accounts, or with `=caller` that of who runs it and assumes the roles of --accounts
    #[arg(long, value_enum, value_name = "WHOSE", num_args = 0..=1, default_missing_value = "reader", require_equals = true)]
    print_policy: Option<Whose>,
}

/// Compares, and prints what differs. Returns the exit code.
pub(super) fn drift(args: &DriftArgs, input: &mut dyn Read, said: &mut Said<'_>) -> u8 {
    match compare(args, input, said) {
        Ok(code) => code,
        Err((_, what)) => say(said, UNUSABLE, &what),
    }
}

fn compare(args: &DriftArgs, input: &mut dyn Read, said: &mut Said<'_>) -> Result<u8, Refused> {
    let accounts = args.accounts.as_deref().map(accounts::read).transpose()?;
    let mut loaded = args.made.load(input)?;
    let chosen = args.made.chosen(apis(&loaded.table), &loaded.name)?;
    let chosen: BTreeSet<(String, String)> = chosen.iter().map(|of| (of.id.to_owned(), of.region.to_owned())).collect();
    let is_chosen = |route: &Route| chosen.contains(&(route.api_id().to_owned(), route.region().to_owned()));
    let routes = loaded.table.in_any_order().filter(|(_, route)| is_chosen(route));
    loaded.table = MappingTable::new(routes.map(|(_, route)| route.clone()).collect());
    let ids = args.made.ids();
    let apis = checked(apis(&loaded.table), &ids, &loaded.name)?;
    let options = args.options();
    let owner_of = |route: &Route| loaded.owner_of(route).map(|owner| owner.name.to_owned());
    let scope = Scope {
        mapping: Mapping { table: &loaded.table, ids: &ids, owner_of: &owner_of },
        apis: &apis,
        options: &options,
        accounts: accounts.as_deref(),
        proxy_region: args.proxy_region.as_deref(),
    };
    if let Some(whose) = args.print_policy {
        let printed = writeln!(said.out, "{}", calls::policy(&scope, whose));
        return printed.map(|()| DONE).map_err(|e| (UNUSABLE, format!("error: cannot print: {e}")));
    }
    Ok(run(said, async |said| conclude(&loaded, &look(&scope).await, args, said)))
}

/// The APIs, once it is known that every endpoint that their entries name has an id.
fn checked<'t>(apis: Vec<Api<'t>>, ids: &EndpointIds, mapping: &str) -> Result<Vec<Api<'t>>, Refused> {
    let mut errors: Vec<String> =
        apis.iter().filter_map(|api| api.check_ids(ids).err()).map(|error| told(mapping, &error)).collect();
    errors.dedup();
    if errors.is_empty() { Ok(apis) } else { Err((UNUSABLE, errors.join("\n"))) }
}

async fn look(scope: &Scope<'_>) -> Drift {
    let (apis, network) = join(apis::look(scope), network::look(scope)).await;
    let network::Network { vpc_endpoints, zones, certificates } = network;
    let observed = Observed { now: SystemTime::now(), apis, vpc_endpoints, zones, certificates };
    drift::drift(scope.mapping, &observed, scope.options)
}

fn conclude(loaded: &Loaded, drift: &Drift, args: &DriftArgs, said: &mut Said<'_>) -> u8 {
    let printed = match args.format {
        OutputFormat::Text => print::text(loaded, drift, said.out),
        OutputFormat::Json => print::json(loaded, drift, said.out),
    };
    match printed {
        Err(e) => say(said, UNUSABLE, &format!("error: cannot print: {e}")),
        Ok(()) if !drift.findings.is_empty() => DRIFTED,
        Ok(()) if !drift.unknown.is_empty() => UNUSABLE,
        Ok(()) => DONE,
    }
}

impl DriftArgs {
    fn options(&self) -> Options {
        Options {
            policies: self.made.options(),
            before_end: Duration::from_secs(self.certificate_days * 24 * 60 * 60),
            ignored: self.ignore.iter().copied().collect(),
        }
    }
}

/// Reads a kind by its name.
fn kind() -> impl TypedValueParser<Value = Kind> {
    let of = |name: String| Kind::ALL.into_iter().find(|kind| kind.name() == name).expect("one of these names");
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).map(of)
}

fn region(text: &str) -> Result<String, String> {
    check_region(text).map(|()| text.to_owned()).map_err(|(what, help)| format!("{what}; {help}"))
}
