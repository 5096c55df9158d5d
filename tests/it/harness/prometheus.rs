//! Prometheus itself, as a process of its own that scrapes once a second, and promtool.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use form_urlencoded::Serializer;
use serde_yaml::Value;
use tempfile::TempDir;

use super::client;
use super::output::{Output as Said, STARTING};

/// A running Prometheus. Dropped, it is killed; in a failed test it prints its log.
pub struct Prometheus {
    address: SocketAddr,
    _process: Process,
    _folder: TempDir,
}

struct Process {
    child: Child,
    said: Said,
}

/// The folder of what is shipped for it.
pub fn shipped() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/observability")
}

/// Runs promtool in the folder of what is shipped.
#[track_caller]
pub fn promtool(words: &[&str]) -> Output {
    let ran = Command::new("promtool").args(words).current_dir(shipped()).output();
    ran.unwrap_or_else(|e| panic!("promtool: {e}: `make test` installs it and runs the tests"))
}

impl Prometheus {
    /// With the configuration that is shipped, hurried, for one task.
    #[track_caller]
    pub fn scraping(task: SocketAddr) -> Prometheus {
        let text = fs::read_to_string(shipped().join("prometheus.yaml")).expect("a configuration");
        let mut config: Value = serde_yaml::from_str(&text).expect("YAML");
        for key in ["scrape_interval", "evaluation_interval"] {
            config["global"][key] = "1s".into();
        }
        for file in config["rule_files"].as_sequence_mut().expect("files") {
            *file = shipped().join(file.as_str().expect("a name")).display().to_string().into();
        }
        let job = config["scrape_configs"][0].as_mapping_mut().expect("a job");
        job.remove("dns_sd_configs").expect("how tasks are found");
        job.insert("scrape_timeout".into(), "1s".into());
        let targets = format!("[{{ targets: ['{task}'] }}]");
        job.insert("static_configs".into(), serde_yaml::from_str(&targets).expect("YAML"));
        Prometheus::start(&serde_yaml::to_string(&config).expect("YAML"))
    }

    #[track_caller]
    fn start(config: &str) -> Prometheus {
        let folder = tempfile::tempdir().expect("a directory");
        fs::write(folder.path().join("prometheus.yaml"), config).expect("written");
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yaml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("prometheus: {e}: `make test` installs it and runs the tests"));
        let said = Said::of(child.stderr.take().expect("a pipe"));
        let process = Process { child, said: said.clone() };
        let wait_for = |text: &str| {
            let line = said.wait_for(text, 1, STARTING);
            line.unwrap_or_else(|| panic!("Prometheus never says {text:?}"))
        };
        let address = wait_for("msg=\"Listening on\"").rsplit("address=").next().and_then(|at| at.parse().ok());
        wait_for("msg=\"Server is ready to receive web requests.\"");
        Prometheus { address: address.expect("an address"), _process: process, _folder: folder }
    }

    /// What its API has at this path, with these parameters.
    #[track_caller]
    pub fn api(&self, path: &str, parameters: &[(&str, &str)]) -> serde_json::Value {
        let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = client::get(self.address, "prometheus.test", &format!("/api/v1/{path}?{query}")).json();
        assert_eq!(answer["status"], "success", "{parameters:?}: {answer}");
        answer["data"].clone()
    }

    /// The numbers of all series that a panel with this query shows of the last seconds. What is no number is
    /// nothing to see.
    #[track_caller]
    pub fn numbers(&self, query: &str) -> Vec<f64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let (start, end) = ((now - 5).to_string(), now.to_string());
        let parameters = [("query", query), ("start", &start), ("end", &end), ("step", "1")];
        let found = self.api("query_range", &parameters);
        let series = found["result"].as_array().expect("series").iter();
        let samples = series.flat_map(|one| one["values"].as_array().expect("samples"));
        let number = |sample: &serde_json::Value| sample[1].as_str().expect("a number").parse().expect("a number");
        samples.map(number).filter(|number: &f64| number.is_finite()).collect()
    }

    /// The number of series there are now.
    #[track_caller]
    pub fn count(&self, query: &str) -> usize {
        self.api("query", &[("query", query)])["result"].as_array().expect("series").len()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("Prometheus said:\n{}", self.said.lines().join("\n"));
        }
    }
}
