use super::*;
use crate::telemetry::limit::{CpuLimit, LimitSource};
use http::Method;
use nameplate_core::domain::refusal::Refusal;
use nameplate_core::mapping::load::version_of;
use nameplate_core::parts::assembly::PartStatus;
use nameplate_core::parts::error::PartError;
use prometheus::proto::{MetricFamily, MetricType};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

fn metrics() -> Metrics {
    Metrics::new(CpuLimit::new(2.0, LimitSource::Machine).expect("a limit"))
}

/// Whether the exposition has exactly this line.
#[track_caller]
fn has(metrics: &Metrics, line: &str) {
    let text = metrics.render();
    assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
}

fn done(m: &Metrics, domain: Option<&Domain>, method: &Method, status: u16, seconds: f64) {
    m.requests.request_done(domain, &Done { method, status, seconds, received: 3, sent: 40 });
}

#[test]
fn a_request_counts_by_domain_method_and_status() {
    let m = metrics();
    let shop = &m.requests.list_domains(["shop.example.com"].into_iter())[0];
    done(&m, Some(shop), &Method::GET, 200, 0.004);
    done(&m, Some(shop), &Method::GET, 200, 0.004);
    done(&m, None, &Method::POST, 504, 29.1);
    has(&m, r#"nameplate_requests_total{code="200",domain="shop.example.com",method="GET"} 2"#);
    has(&m, r#"nameplate_requests_total{code="504",domain="unmapped",method="POST"} 1"#);
    has(&m, "nameplate_request_bytes_total 9");
    has(&m, "nameplate_response_bytes_total 120");
    has(&m, r#"nameplate_request_duration_seconds_bucket{le="0.0025"} 0"#);
    has(&m, r#"nameplate_request_duration_seconds_bucket{le="0.005"} 2"#);
    has(&m, r#"nameplate_request_duration_seconds_bucket{le="28.5"} 2"#);
    has(&m, r#"nameplate_request_duration_seconds_bucket{le="+Inf"} 3"#);
    has(&m, "nameplate_request_duration_seconds_count 3");
}

#[test]
fn no_client_can_add_labels() {
    let m = metrics();
    for method in ["PROPFIND", "BREW", "get"] {
        done(&m, None, &Method::from_bytes(method.as_bytes()).expect("a token"), 200, 0.0);
    }
    for status in [0, 99, 600, 999, u16::MAX] {
        done(&m, None, &Method::GET, status, 0.0);
    }
    done(&m, None, &Method::GET, 100, 0.0);
    done(&m, None, &Method::GET, 599, 0.0);
    has(&m, r#"nameplate_requests_total{code="200",domain="unmapped",method="other"} 3"#);
    has(&m, r#"nameplate_requests_total{code="other",domain="unmapped",method="GET"} 5"#);
    has(&m, r#"nameplate_requests_total{code="100",domain="unmapped",method="GET"} 1"#);
    has(&m, r#"nameplate_requests_total{code="5xx",domain="unmapped",method="GET"} 1"#);
}

#[test]
fn every_refusal_is_there_before_it_happens() {
    let m = metrics();
    m.requests.refused(Refusal::UnknownHost);
    for refusal in Refusal::ALL {
        let count = u8::from(refusal == Refusal::UnknownHost);
        has(&m, &format!("nameplate_refusals_total{{reason=\"{}\"}} {count}", refusal.reason()));
    }
}

#[test]
fn a_request_is_in_flight_until_it_is_dropped() {
    let m = metrics();
    let (first, second) = (m.requests.request_begun(), m.requests.request_begun());
    has(&m, "nameplate_requests_in_flight 2");
    drop(first);
    assert_eq!(m.requests.in_flight(), 1);
    drop(second);
    assert_eq!(m.requests.in_flight(), 0);
}

#[test]
fn each_label_stands_for_its_own_value() {
    let m = metrics();
    m.upstream.connected(0.002, 0.004, Some(Handshake::Full));
    (0..2).for_each(|_| m.upstream.connected(0.002, 0.004, Some(Handshake::Resumed)));
    m.upstream.connected(0.002, 0.004, None);
    m.upstream.reused();
    m.upstream.reused();
    m.upstream.connect_failed(ConnectFailure::Refused);
    for (cause, times) in [(ConnectFailure::Timeout, 2), (ConnectFailure::Tls, 3), (ConnectFailure::Other, 4)] {
        (0..times).for_each(|_| m.upstream.connect_failed(cause));
    }
    m.upstream.endpoint_discovered(Discovery::Ok);
    (0..2).for_each(|_| m.upstream.endpoint_discovered(Discovery::Failed));
    has(&m, r#"nameplate_upstream_connections_total{kind="new"} 4"#);
    has(&m, r#"nameplate_upstream_tls_handshakes_total{kind="full"} 1"#);
    has(&m, r#"nameplate_upstream_tls_handshakes_total{kind="resumed"} 2"#);
    has(&m, r#"nameplate_upstream_connections_total{kind="reused"} 2"#);
    has(&m, r#"nameplate_upstream_connect_duration_seconds_bucket{le="0.0025"} 4"#);
    has(&m, r#"nameplate_upstream_tls_duration_seconds_bucket{le="0.0025"} 0"#);
    has(&m, "nameplate_upstream_tls_duration_seconds_count 4");
    for (at, cause) in ["refused", "timeout", "tls", "other"].iter().enumerate() {
        has(&m, &format!("nameplate_upstream_connect_failures_total{{cause=\"{cause}\"}} {}", at + 1));
    }
    has(&m, r#"nameplate_endpoint_discoveries_total{result="ok"} 1"#);
    has(&m, r#"nameplate_endpoint_discoveries_total{result="failed"} 2"#);
}

#[test]
fn a_connection_to_the_endpoint_is_open_until_it_is_dropped() {
    let m = metrics();
    let connections = m.upstream.connections();
    let (one, other) = (connections.opened(), connections.opened());
    has(&m, "nameplate_upstream_connections_open 2");
    drop((one, other));
    has(&m, "nameplate_upstream_connections_open 0");
}

#[test]
fn handshakes_of_clients_count_by_kind() {
    let m = metrics();
    m.clients.client_shook_hands(Handshake::Full, 0.03);
    (0..2).for_each(|_| m.clients.client_shook_hands(Handshake::Resumed, 0.004));
    has(&m, r#"nameplate_client_tls_handshakes_total{kind="full"} 1"#);
    has(&m, r#"nameplate_client_tls_handshakes_total{kind="resumed"} 2"#);
    has(&m, r#"nameplate_client_tls_handshake_duration_seconds_bucket{le="0.005"} 2"#);
    has(&m, "nameplate_client_tls_handshake_duration_seconds_count 3");
}

#[test]
fn a_certificate_has_an_end_or_none_that_can_be_read() {
    let m = metrics();
    let expiry = m.clients.certificate_expiry("[::1]:8443");
    expiry.is(Some(4_102_444_800));
    has(&m, r#"nameplate_certificate_expiry_timestamp_seconds{listener="[::1]:8443"} 4102444800"#);
    expiry.is(None);
    has(&m, r#"nameplate_certificate_expiry_timestamp_seconds{listener="[::1]:8443"} NaN"#);
}

#[test]
fn each_log_has_a_series_before_a_line_is_lost() {
    let m = metrics();
    let text = m.render();
    for log in ["operational", "access", "emf"] {
        assert!(text.contains(&format!("nameplate_log_lines_dropped_total{{log=\"{log}\"}} ")), "{text}");
    }
}

#[test]
fn a_runtime_tells_of_its_threads_and_tasks() {
    let m = metrics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    m.runtimes.watch_runtime("proxy", runtime.handle());
    has(&m, r#"nameplate_runtime_threads{runtime="proxy"} 2"#);
    has(&m, r#"nameplate_runtime_tasks{runtime="proxy"} 0"#);
    let (begun, begins) = std::sync::mpsc::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let task = runtime.spawn(async move {
        let _ = begun.send(());
        let _ = ends.recv();
    });
    begins.recv().expect("begun");
    has(&m, r#"nameplate_runtime_tasks{runtime="proxy"} 1"#);
    has(&m, r#"nameplate_runtime_queue_depth{runtime="proxy"} 0"#);
    drop(end);
    runtime.block_on(task).expect("ended");
    // Its busy time is added up when a thread goes to sleep, which the end of the runtime waits for.
    runtime.shutdown_timeout(Duration::from_secs(10));
    let text = m.render();
    let busy = text.lines().find_map(|l| l.strip_prefix(r#"nameplate_runtime_busy_seconds_total{runtime="proxy"} "#));
    assert!(busy.expect("a series").parse::<f64>().expect("a number") > 0.0, "{text}");
}

#[test]
fn a_mapping_found_unchanged_is_as_fresh_as_a_new_one() {
    let m = metrics();
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    m.mapping.confirmed(ReadResult::Ok, at(1_000));
    m.mapping.confirmed(ReadResult::Unchanged, at(2_000));
    for result in [ReadResult::Rejected, ReadResult::Held, ReadResult::Failed] {
        m.mapping.read(result);
    }
    m.mapping.in_force(7, 100_000, 90_000);
    has(&m, "nameplate_mapping_last_success_timestamp_seconds 2000");
    for result in ["ok", "unchanged", "rejected", "held", "failed"] {
        has(&m, &format!("nameplate_mapping_reloads_total{{result=\"{result}\"}} 1"));
    }
    has(&m, "nameplate_mapping_generation 7");
    has(&m, "nameplate_mapping_entries 100000");
    has(&m, "nameplate_mapping_domains 90000");
}

#[test]
fn the_mapping_in_force_has_one_series_of_its_own() {
    let m = metrics();
    m.mapping.version("aaa", "s3://bucket/key");
    m.mapping.version("bbb", "s3://bucket/key");
    let text = m.render();
    let series: Vec<_> = text.lines().filter(|line| line.starts_with("nameplate_mapping_info{")).collect();
    assert_eq!(series, [r#"nameplate_mapping_info{source="s3://bucket/key",version="bbb"} 1"#]);
}

#[test]
fn one_trouble_with_the_mapping_at_a_time() {
    let m = metrics();
    let troubles = |held, failed| {
        has(&m, r#"nameplate_mapping_trouble{reason="rejected"} 0"#);
        has(&m, &format!("nameplate_mapping_trouble{{reason=\"held\"}} {held}"));
        has(&m, &format!("nameplate_mapping_trouble{{reason=\"failed\"}} {failed}"));
    };
    m.mapping.trouble(Some(ReadResult::Held));
    troubles(1, 0);
    m.mapping.trouble(Some(ReadResult::Failed));
    troubles(0, 1);
    m.mapping.trouble(None);
    troubles(0, 0);
}

#[test]
fn two_proxies_in_one_process_do_not_share_their_counts() {
    let (one, other) = (metrics(), metrics());
    one.requests.client_aborted();
    one.upstream.retried(Retry::Connect);
    one.clients.draining(true);
    for (line, ours, theirs) in [
        ("nameplate_client_aborts_total", 1, 0),
        (r#"nameplate_upstream_retries_total{cause="connect"}"#, 1, 0),
        ("nameplate_draining", 1, 0),
    ] {
        has(&one, &format!("{line} {ours}"));
        has(&other, &format!("{line} {theirs}"));
    }
}

#[test]
fn each_endpoint_has_series_of_its_own_from_the_start() {
    let m = metrics();
    let (one, _other) = (m.upstream.endpoint("default"), m.upstream.endpoint("other"));
    one.picked(true);
    one.ejected();
    one.checked(false);
    one.addresses([1, 2], [3, 0]);
    has(&m, r#"nameplate_upstream_requests_total{endpoint="default",zone="local"} 1"#);
    has(&m, r#"nameplate_upstream_requests_total{endpoint="other",zone="local"} 0"#);
    has(&m, r#"nameplate_endpoint_ejections_total{endpoint="default"} 1"#);
    has(&m, r#"nameplate_endpoint_checks_total{endpoint="default",result="failed"} 1"#);
    has(&m, r#"nameplate_endpoint_addresses{endpoint="default",state="cooling",zone="local"} 2"#);
    has(&m, r#"nameplate_endpoint_addresses{endpoint="default",state="in_use",zone="other"} 3"#);
}

#[test]
fn the_constants_say_what_runs_and_with_how_much() {
    let m = metrics();
    has(&m, &format!("nameplate_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
    has(&m, "nameplate_cpu_limit_cores 2");
}

#[test]
fn threads_that_record_at_once_lose_nothing() {
    let m = metrics();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| done(&m, None, &Method::GET, 200, 0.25)));
        }
    });
    has(&m, r#"nameplate_requests_total{code="200",domain="unmapped",method="GET"} 4000"#);
    has(&m, "nameplate_request_duration_seconds_sum 1000");
    assert_eq!(m.requests.duration.count(), 4_000);
}

/// A part with a series of every kind.
fn part_with_error() -> PartStatus {
    let (version, since) = (Some(version_of(b"part")), UNIX_EPOCH + Duration::from_secs(1));
    PartStatus {
        name: "pay.yaml".into(),
        owner: None,
        contact: None,
        version,
        since: Some(since),
        entries: 1,
        error: Some((PartError::OwnersGone, since)),
    }
}

/// A series of every metric there is.
fn used() -> Metrics {
    let m = metrics();
    done(&m, None, &Method::GET, 200, 0.004);
    m.upstream.first_byte(0.003);
    m.upstream.endpoint("default").picked(true);
    m.mapping.version("aaa", "m");
    m.mapping.parts.set(&[part_with_error()], false);
    m.clients.certificate_expiry("127.0.0.1:8443").is(Some(4_102_444_800));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    m.runtimes.watch_runtime("proxy", runtime.handle());
    m
}

/// Type and labels of each metric, by name.
type Shapes = BTreeMap<String, (String, Vec<String>)>;

fn shape(family: &MetricFamily) -> (String, (String, Vec<String>)) {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        _ => "of a type the page has no word for",
    };
    let mut labels: Vec<_> = family.get_metric()[0].get_label().iter().map(|l| l.name().to_owned()).collect();
    labels.sort();
    (family.name().to_owned(), (kind.to_owned(), labels))
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    let mut words: Vec<_> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    words.sort();
    words
}

/// The rows of docs/metrics.md: name, type, unit, labels, meaning.
fn documented() -> Shapes {
    let page = include_str!("../../../docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        (quoted(cells[0]).concat(), (cells[1].to_owned(), quoted(cells[3])))
    })
    .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_page_names_every_metric_and_no_other() {
    let registered: Shapes = used().registry.gather().iter().map(shape).collect();
    assert_eq!(documented(), registered);
}

#[test]
fn no_other_page_tells_of_a_metric_that_is_not_there() {
    let known = documented();
    for page in [
        include_str!("../../../docs/operations.md"),
        include_str!("../../../docs/requests.md"),
        include_str!("../../../README.md"),
    ] {
        let words = page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("nameplate_")) {
            let family = name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
            assert!(known.contains_key(name) || known.contains_key(family), "{name}");
        }
    }
}

#[test]
fn every_metric_has_a_sentence_of_help() {
    for family in used().registry.gather() {
        assert!(family.help().ends_with('.') && family.help().len() > 20, "{}: {}", family.name(), family.help());
    }
}

/// Held by promtool where it is installed.
#[test]
fn promtool_finds_nothing_to_say() {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else { return };
    let text = used().render();
    tool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("read");
    let output = tool.wait_with_output().expect("ended");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
}
