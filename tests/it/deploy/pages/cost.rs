//! docs/cost.md reckons with the program's prices, and reckons right.

use nameplate_plan::capacity::fargate::{HOURS, Prices, Size};

use super::{COST, blocks};
use crate::harness::server::nameplate;

/// USD for an interface endpoint, in each zone, an hour.
const ENDPOINT: f64 = 0.01;
/// USD a month for each of an account's first 25 hosted zones, and for each beyond.
const ZONE: (f64, f64) = (0.50, 0.10);

/// USD for a GB through an interface endpoint, and for each side of a GB between two zones.
const DATA: f64 = 0.01;
/// USD an hour for an application load balancer, and for one of its capacity units.
const ALB: (f64, f64) = (0.0225, 0.008);

/// USD a month for a custom metric, for one of Container Insights' enhanced ones, and for a metric that an alarm looks at.
const METRIC: (f64, f64, f64) = (0.30, 0.07, 0.10);
/// USD for a GB of logs.
const LOGS: f64 = 0.50;
/// USD for a million requests to AppConfig, and for a changed configuration that a task receives.
const APPCONFIG: (f64, f64) = (0.20, 0.0008);
/// USD a month for a private CA.
const PRIVATE_CA: f64 = 400.0;

/// The rows of the table under these headings, without the headings.
#[track_caller]
fn table(headings: &str) -> Vec<Vec<String>> {
    let (_, rest) = COST.split_once(headings).unwrap_or_else(|| panic!("no table has {headings}"));
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn zones(count: u32) -> f64 {
    f64::from(count.min(25)) * ZONE.0 + f64::from(count.saturating_sub(25)) * ZONE.1
}

fn endpoints() -> f64 {
    HOURS * ENDPOINT * 2.0 * 4.0
}

#[test]
fn the_prices_are_those_of_nameplate_capacity() {
    let prices = Prices::default();
    let own = [prices.vcpu, prices.gb, prices.balancer.0, prices.balancer.1, ENDPOINT, DATA, ZONE.0, ZONE.1];
    let switches = [METRIC.0, METRIC.1, METRIC.2, LOGS, APPCONFIG.0, APPCONFIG.1, PRIVATE_CA];
    let want = [&own[..], &[ALB.0, ALB.1, DATA], &switches].concat();
    let listed: Vec<f64> = table("| what | price | in |").iter().map(|row| row[1].parse().expect("a price")).collect();
    assert_eq!(listed, want);
    for price in [prices.vcpu, prices.gb, prices.balancer.0, prices.balancer.1] {
        let formulas: String = table("| part | a month |").into_iter().map(|row| row.join(" ")).collect();
        assert!(formulas.contains(&price.to_string()), "{price} is in no formula");
    }
}

/// Tasks, vCPU, GB, NLCU and hosted zones of each example, in the order of the table.
const EXAMPLES: [(f64, f64, f64, f64, u32); 3] =
    [(1.0, 0.5, 1.0, 0.0, 1), (1.0, 1.0, 2.0, 1.0, 1), (2.0, 1.0, 2.0, 1.0, 3)];

#[test]
fn the_examples_are_reckoned_by_the_formulas() {
    let rows = table("| | tasks | load balancer | endpoints | hosted zones | a month |");
    assert_eq!(rows.len(), EXAMPLES.len());
    let prices = Prices::default();
    for (row, (tasks, vcpu, memory, units, count)) in rows.iter().zip(EXAMPLES) {
        let parts = [tasks * prices.task(Size { vcpu, memory }), prices.balancer(units), endpoints(), zones(count)];
        let want: Vec<String> = parts.iter().chain([&parts.iter().sum()]).map(|part| format!("{part:.2}")).collect();
        assert_eq!(row[1..], want, "{}", row[0]);
    }
}

#[test]
fn the_larger_example_is_what_the_program_prints() {
    let block = blocks(COST, "text").into_iter().next().expect("a block");
    let (command, printed) = block.split_once('\n').expect("a command and what it prints");
    let words: Vec<_> = command.strip_prefix("$ nameplate ").expect("a command").split(' ').collect();
    let output = nameplate(&words);
    let said = String::from_utf8_lossy(&output.stdout);
    let said = said.split("\n\n").next().expect("the first part");
    assert_eq!(printed.trim_end(), said);
    let dollars = |name: &str| -> f64 {
        let line = said.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split('$').nth(1).and_then(|rest| rest.split(' ').next()).expect("a sum").parse().expect("a number")
    };
    // 6,500 requests a second on average, of 10 KB.
    let an_hour = 6_500.0 * 10e3 * 3_600.0 / 1e9;
    let (units, data) = (HOURS * Prices::default().balancer.1 * an_hour, HOURS * an_hour * DATA);
    let parts = [
        ("tasks", dollars("cost"), 0.0),
        ("load balancer", dollars("load balancer"), units),
        ("interface endpoints", endpoints(), 0.0),
        ("data through the execute-api endpoint", data, data),
        ("3 hosted zones", zones(3), 0.0),
    ];
    let sum = |part: fn(&(&str, f64, f64)) -> f64| parts.iter().map(part).sum::<f64>();
    let (all, of_data) = (sum(|part| part.1), sum(|part| part.2));
    let rows = table("| part | a month | of it data |");
    for (row, (name, cost, of_it)) in rows.iter().zip(parts.iter().chain([&("all", all, of_data)])) {
        let shown = if *of_it == 0.0 { String::new() } else { format!("{of_it:.2}") };
        assert_eq!(row[..], [(*name).to_owned(), format!("{cost:.2}"), shown]);
    }
    assert_eq!(rows.len(), parts.len() + 1);
    let said = [
        format!("costs ${all:.0} a month, and {:.0} % of that is data", 100.0 * of_data / all),
        format!("{:.0} GB an hour, so {an_hour:.0} NLCU, and 170,820 GB a month", an_hour),
        format!(
            "it is {:.2} for the load balancer, of which {:.2} are data",
            HOURS * (ALB.0 + ALB.1 * an_hour),
            HOURS * ALB.1 * an_hour
        ),
        format!("up to {:.2} for", HOURS * an_hour / 2.0 * 2.0 * DATA),
    ];
    let text = COST.split_whitespace().collect::<Vec<_>>().join(" ");
    said.iter().for_each(|said| assert!(text.contains(said), "{said}"));
    let own = HOURS * ENDPOINT * 2.0 + zones(3);
    let rows = table("| | Nameplate | AWS's own names |");
    assert_eq!(rows[1][1..], [format!("{all:.2}"), format!("{:.2}", own + data)]);
    assert_eq!(rows[0][2], format!("{own:.2}"));
    assert_eq!(rows[0][1], table("| | tasks | load balancer | endpoints | hosted zones | a month |")[2][5]);
}

#[test]
fn what_switches_cost_is_reckoned_by_the_prices() {
    let seconds = HOURS * 3_600.0;
    // 50 connections a second, each seen six times, as a record of 120 bytes.
    let flows = 50.0 * 6.0 * 120.0 * seconds / 1e9;
    let requests = 2.0 * seconds / 15.0 * APPCONFIG.0 / 1e6;
    let appconfig = HOURS * ENDPOINT * 2.0 + requests + 12.0 * METRIC.0 + 12.0 * METRIC.2;
    let want = [40.0 * METRIC.0, flows * LOGS, appconfig, PRIVATE_CA].map(|sum| format!("{sum:.2}"));
    let rows = table("| switch | a month | is |");
    assert!(rows.iter().map(|row| &row[1]).eq(&want), "{rows:?}, not {want:?}");
    assert!(rows[1][2].starts_with(&format!("{flows:.0} GB")), "{rows:?}, not {flows}");
}

#[test]
fn what_the_plan_saves_is_the_difference() {
    for row in table("| domains | parents | zone for each domain | zone for each parent | saved, a month |") {
        let count = |at: usize| row[at].parse::<u32>().expect("a number");
        let (each, shared) = (zones(count(0)), zones(count(1)));
        let want = [each, shared, each - shared].map(|sum| format!("{sum:.2}"));
        assert_eq!(row[2..], want, "{row:?}");
    }
}
