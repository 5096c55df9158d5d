//! The admin pages of a proxy, in this process or in one of its own.

use std::net::SocketAddr;
use std::time::Instant;

use super::PATIENCE;
use super::client::{self, Response};

/// Where they answer.
#[derive(Clone, Copy, Debug)]
pub struct Pages(pub SocketAddr);

impl Pages {
    #[track_caller]
    pub fn get(self, path: &str) -> Response {
        client::get(self.0, "admin.test", path)
    }

    /// `/mapping`.
    #[track_caller]
    pub fn mapping(self) -> serde_json::Value {
        self.get("/mapping").json()
    }

    /// The value of a series, labels as `/metrics` writes them, or of all series of a name together; 0
    /// for one that was never counted.
    #[track_caller]
    pub fn metric(self, series: &str) -> f64 {
        let metrics = self.get("/metrics").text();
        let after = |line| str::strip_prefix(line, series);
        let number = |text: &str| -> f64 { text.trim().parse().unwrap_or_else(|e| panic!("{series}: {text:?}: {e}")) };
        if let Some(value) = metrics.lines().find_map(|line| after(line)?.strip_prefix(' ')) {
            return number(value);
        }
        metrics
            .lines()
            .filter_map(|line| after(line)?.strip_prefix('{')?.rsplit_once("} "))
            .map(|(_, v)| number(v))
            .sum()
    }

    /// How often the source was asked with this result.
    #[track_caller]
    pub fn reloads(self, result: &str) -> f64 {
        self.metric(&format!("nameplate_mapping_reloads_total{{result=\"{result}\"}}"))
    }

    /// Waits until a series has this value. Each look is a round trip to the admin listener.
    #[track_caller]
    pub fn wait_for_metric(self, series: &str, want: f64) {
        self.wait(series, &format!("{want}"), |got| got == want);
    }

    /// Waits until a series has at least this value.
    #[track_caller]
    pub fn wait_for_at_least(self, series: &str, want: f64) {
        self.wait(series, &format!("{want} or more"), |got| got >= want);
    }

    #[track_caller]
    fn wait(self, series: &str, want: &str, is: impl Fn(f64) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        let mut got = self.metric(series);
        while !is(got) {
            assert!(Instant::now() < give_up, "{series} is {got}, not {want}");
            got = self.metric(series);
        }
    }
}
