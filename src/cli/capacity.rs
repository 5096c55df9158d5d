//! `nameplate capacity`: from measured CPU per request and an expected load to a task size, how many tasks,
//! the target to scale on, and what it costs.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::exit::{FAULTY, UNUSABLE, fail};
use super::format::OutputFormat;
use nameplate_plan::capacity::curve::Curve;
use nameplate_plan::capacity::fargate::{HOURS, Prices, Size};
use nameplate_plan::capacity::{Because, Fleet, Metric, Plan, Question, plan};

/// The largest file of a load: a row a minute for years.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What the command line of `capacity` says.
#[derive(Args, Clone, Debug)]
pub(super) struct CapacityArgs {
    /// CPU seconds for a request, as nameplate_cpu_seconds_per_request says under load
    #[arg(long, value_name = "SECONDS")]
    cpu_per_request: f64,
    /// The expected load: rows of `time,requests_per_second`; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "peak", conflicts_with_all = ["peak", "trough"])]
    load: Option<PathBuf>,
    /// Instead: the highest load of a day, in requests a second
    #[arg(long, value_name = "RPS")]
    peak: Option<f64>,
    /// And the lowest [default: a tenth of the peak]
    #[arg(long, value_name = "RPS", requires = "peak")]
    trough: Option<f64>,
    /// Clients' connections at the peak, over all tasks
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    connections: u32,
    /// What the service is scaled on
    #[arg(long, value_enum, default_value = "ecs-1min")]
    metric: On,
    /// The target in percent of CPU, 10 to 90 [default: what holds p99 with the metric]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(10..=90))]
    target: Option<u32>,
    /// Availability Zones
    #[arg(long, default_value_t = 2, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=6))]
    zones: u32,
    /// Zones that may be lost at the peak without waiting for new tasks
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    spare_zones: u32,
    /// Tasks that may be had beyond those of the peak, in percent of them
    #[arg(long, default_value_t = 100, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=1000))]
    headroom: u32,
    /// The vCPU of a task: 0.25, 0.5, 1, 2, 4, 8 or 16 [default: chosen by cost]
    #[arg(long, value_name = "VCPU")]
    vcpu: Option<f64>,
    /// USD for a vCPU and hour [default: Fargate, Linux on ARM, us-east-1]
    #[arg(long, value_name = "USD")]
    vcpu_price: Option<f64>,
    /// USD for a GB of memory and hour [default: as above]
    #[arg(long, value_name = "USD")]
    gb_price: Option<f64>,
    /// Capacity units (NLCU) of the network load balancer on average
    #[arg(long, default_value_t = 1.0, value_name = "COUNT")]
    nlcu: f64,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    format: OutputFormat,
    /// As `--format json`
    #[arg(long, hide = true, conflicts_with = "format")]
    json: bool,
}

/// What the service is scaled on, as the command line says it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum On {
    /// ECSServiceAverageCPUUtilization
    #[value(name = "ecs-1min")]
    EcsMinute,
    /// ECSServiceAverageCPUUtilizationHighResolution
    #[value(name = "ecs-20s")]
    EcsTwentySeconds,
    /// A custom metric, of the CloudWatch agent or of EMF lines
    Custom,
    /// nameplate:desired_tasks
    Prometheus,
}

impl From<On> for Metric {
    fn from(on: On) -> Metric {
        match on {
            On::EcsMinute | On::Custom => Metric::Minute,
            On::EcsTwentySeconds => Metric::TwentySeconds,
            On::Prometheus => Metric::Prometheus,
        }
    }
}

/// Sizes a fleet. Exit 0 with an answer, 1 if the input is at fault, 2 if it could not be read.
pub(super) fn capacity(args: &CapacityArgs, input: &mut dyn Read, out: &mut dyn Write) -> ExitCode {
    let question = match question(args, input) {
        Ok(question) => question,
        Err((code, fault)) => return fail(code, fault),
    };
    let plan = match plan(&question) {
        Ok(plan) => plan,
        Err(fault) => return fail(FAULTY, format!("capacity: error: {fault}")),
    };
    let text = match args.format {
        OutputFormat::Text if !args.json => as_text(&question, &plan),
        _ => format!("{:#}\n", as_json(&question, &plan)),
    };
    if out.write_all(text.as_bytes()).is_err() {
        return ExitCode::from(UNUSABLE);
    }
    ExitCode::SUCCESS
}

fn question(args: &CapacityArgs, input: &mut dyn Read) -> Result<Question, (u8, String)> {
    let faulty = |fault: String| (FAULTY, fault);
    number("--cpu-per-request", args.cpu_per_request, 1e-7, 1.0, "CPU seconds, for example 0.00025").map_err(faulty)?;
    if args.spare_zones >= args.zones {
        return Err(faulty(format!(
            "--spare-zones: error: {} of {} zones leaves none\n  help: say 0 for no spare zone, or more --zones",
            args.spare_zones, args.zones
        )));
    }
    if let Some(vcpu) = args.vcpu.filter(|vcpu| !Size::vcpus().any(|known| known == *vcpu)) {
        return Err(faulty(format!(
            "--vcpu: error: Fargate has no tasks of {vcpu} vCPU\n  help: one of 0.25, 0.5, 1, 2, 4, 8, 16"
        )));
    }
    let mut prices = Prices::default();
    for (flag, given, price) in
        [("--vcpu-price", args.vcpu_price, &mut prices.vcpu), ("--gb-price", args.gb_price, &mut prices.gb)]
    {
        *price = given.unwrap_or(*price);
        number(flag, *price, 0.0, 100.0, "USD an hour, for example 0.03238").map_err(faulty)?;
    }
    number("--nlcu", args.nlcu, 0.0, 1e6, "capacity units, for example 1").map_err(faulty)?;
    Ok(Question {
        curve: curve(args, input)?,
        cpu_per_request: args.cpu_per_request,
        connections: args.connections,
        metric: args.metric.into(),
        target: args.target,
        zones: args.zones,
        spare_zones: args.spare_zones,
        headroom: args.headroom,
        vcpu: args.vcpu,
        prices,
        balancer_units: args.nlcu,
    })
}

fn number(flag: &str, value: f64, least: f64, most: f64, like: &str) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{flag}: error: {value} is not from {least} to {most}\n  help: write {like}"))
}

fn curve(args: &CapacityArgs, input: &mut dyn Read) -> Result<Curve, (u8, String)> {
    let Some(file) = &args.load else {
        let peak = args.peak.unwrap_or_default();
        let trough = args.trough.unwrap_or(peak / 10.0);
        number("--peak", peak, 0.001, 1e9, "requests a second, for example 1200").map_err(|fault| (FAULTY, fault))?;
        number("--trough", trough, 0.0, peak, "requests a second, no more than --peak")
            .map_err(|fault| (FAULTY, fault))?;
        return Ok(Curve::daily(peak, trough));
    };
    let is_input = file.as_os_str() == "-";
    let name = if is_input { "<stdin>".to_owned() } else { file.display().to_string() };
    let mut text = String::new();
    let read = match is_input {
        true => input.take(LARGEST + 1).read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)),
    };
    let help = "help: name a file of rows `time,requests_per_second`, or `-` for standard input";
    read.map_err(|e| (UNUSABLE, format!("read {name}: {e}\n  {help}")))?;
    if text.len() as u64 > LARGEST {
        return Err((FAULTY, format!("{name}: error: it is over {LARGEST} bytes\n  help: a row a minute is enough")));
    }
    let curve = Curve::parse(&text, &name).map_err(|fault| (FAULTY, fault))?;
    if curve.peak() <= 0.0 {
        return Err((FAULTY, format!("{name}: error: there is no load in it\n  {help}")));
    }
    Ok(curve)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn as_text(question: &Question, plan: &Plan) -> String {
    let fleet = &plan.fleet;
    let mut out = String::new();
    for (name, value, why) in lines(question, plan) {
        out.push_str(format!("{name:<14} {value:<18} {why}").trim_end());
        out.push('\n');
    }
    out.push_str("\nOther sizes:\n");
    for other in plan.considered.iter().filter(|other| *other != fleet) {
        let (size, cost, target) = (size(other), dollars(other.cost), other.target.0);
        out.push_str(&format!("  {size:<18} {cost:>10} a month, {} to {} tasks at {target} %\n", other.min, other.max));
    }
    out.push_str(
        "\nPrices change, and differ by region: --vcpu-price, --gb-price. Endpoints, logs and traffic are not in it.\n",
    );
    out
}

fn lines(question: &Question, plan: &Plan) -> [(&'static str, String, String); 8] {
    let fleet = &plan.fleet;
    let peak = format!("{} at the peak of {} requests/s", tasks(fleet.at_peak), question.curve.peak());
    let rising = format!("CPU reaches {} at most while new tasks start", percent(fleet.cpu_while_rising));
    let without = match question.spare_zones {
        0 => String::new(),
        spare => format!("; {} without {spare} of {} zones", percent(fleet.cpu_without_zones), question.zones),
    };
    let connections = format!("of a task's {} GB, with {} connections in all", fleet.size.memory, question.connections);
    let months = format!("a month: {:.1} tasks on average for {HOURS} h", fleet.mean_tasks);
    let units = format!("a month, beside that: an NLB with {} NLCU", question.balancer_units);
    [
        ("task size", size(fleet), peak),
        ("min tasks", fleet.min.to_string(), rising),
        ("max tasks", fleet.max.to_string(), format!("{} % more than at the peak", question.headroom)),
        ("target", format!("{} %", fleet.target.0), because(question, fleet)),
        ("CPU", percent(fleet.cpu_at_peak), format!("at the peak{without}")),
        ("memory", percent(fleet.memory / fleet.size.bytes()), connections),
        ("cost", dollars(fleet.cost), months),
        ("load balancer", dollars(plan.balancer), units),
    ]
}

fn because(question: &Question, fleet: &Fleet) -> String {
    let (target, zones) = (question.metric.target(), question.zones);
    match fleet.target.1 {
        Because::Asked => "as asked for".into(),
        Because::Metric => "what holds p99 with this metric: docs/scaling.md".into(),
        Because::Size => format!("and not {target} %: in tasks of this size such requests wait longer for CPU"),
        Because::Zones => format!("so that {} of {zones} zones can be lost", question.spare_zones),
    }
}

fn size(fleet: &Fleet) -> String {
    format!("{} vCPU, {} GB", fleet.size.vcpu, fleet.size.memory)
}

fn tasks(count: u32) -> String {
    if count == 1 { "1 task".into() } else { format!("{count} tasks") }
}

fn dollars(amount: f64) -> String {
    format!("${amount:.2}")
}

fn as_json(question: &Question, plan: &Plan) -> Value {
    json!({
        "peak_requests_per_second": question.curve.peak(),
        "fleet": fleet_as_json(&plan.fleet),
        "considered": plan.considered.iter().map(fleet_as_json).collect::<Vec<_>>(),
        "load_balancer_usd_month": rounded(plan.balancer),
    })
}

fn fleet_as_json(fleet: &Fleet) -> Value {
    json!({
        // As a task definition writes them: CPU units and MiB.
        "task_cpu": (fleet.size.vcpu * 1024.0) as u32,
        "task_memory": (fleet.size.memory * 1024.0) as u32,
        "target_percent": fleet.target.0,
        "target_because": match fleet.target.1 {
            Because::Asked => "asked",
            Because::Metric => "metric",
            Because::Size => "size",
            Because::Zones => "zones",
        },
        "min_tasks": fleet.min,
        "max_tasks": fleet.max,
        "tasks_at_peak": fleet.at_peak,
        "mean_tasks": rounded(fleet.mean_tasks),
        "cpu_percent_at_peak": rounded(fleet.cpu_at_peak * 100.0),
        "cpu_percent_without_spare_zones": rounded(fleet.cpu_without_zones * 100.0),
        "cpu_percent_while_rising": rounded(fleet.cpu_while_rising * 100.0),
        "usd_month": rounded(fleet.cost),
    })
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
