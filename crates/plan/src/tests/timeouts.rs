//! The longest silence that a mapping allows, which load balancers have to outlast.

use std::time::Duration;

use super::super::options::Options;
use super::super::resources::plan;
use super::VERSION;
use nameplate_core::domain::api::PrivateApi;
use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::host::Host;
use nameplate_core::domain::overrides::{Overrides, Timeouts};
use nameplate_core::domain::route::{Choices, Drafts};
use nameplate_core::domain::table::MappingTable;

/// Plans a mapping with an entry for each of these timeouts.
#[track_caller]
fn longest(timeouts: &[Timeouts], want: Option<u64>) {
    let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/p").expect("an api");
    let mut drafts = Drafts::default();
    for (number, timeouts) in timeouts.iter().enumerate() {
        let host = Host::parse(&format!("a{number}.in.example.com")).expect("a host");
        let overrides = Overrides { timeouts: *timeouts, ..Overrides::default() };
        drafts.push_with(&host, &BasePath::default(), &api, (Choices::default(), overrides), 1);
    }
    let table = MappingTable::new(drafts.finish());
    let plan = plan(&table, VERSION, &Options::default(), None).expect("within the quotas");
    assert_eq!(plan.longest_timeout, want, "{timeouts:?}");
}

fn first_byte(ms: u64) -> Timeouts {
    Timeouts { first_byte: Some(Duration::from_millis(ms)), ..Timeouts::default() }
}

fn read(ms: u64) -> Timeouts {
    Timeouts { read: Some(Duration::from_millis(ms)), ..Timeouts::default() }
}

#[test]
fn no_timeout_in_the_mapping_is_none_in_the_plan() {
    longest(&[], None);
    longest(&[Timeouts::default()], None);
}

#[test]
fn the_longest_silence_of_any_entry_counts_in_whole_seconds() {
    longest(&[first_byte(60_000), read(300_000), Timeouts::default()], Some(300));
    longest(&[read(30_000), first_byte(90_500)], Some(91));
}

/// A stream that goes on for 15 minutes is never silent for as long.
#[test]
fn timeouts_that_are_no_silence_do_not_count() {
    let total =
        Timeouts { total: Some(Duration::from_secs(900)), connect: Some(Duration::from_secs(5)), ..read(60_000) };
    longest(&[total], Some(60));
}
