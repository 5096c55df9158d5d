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
        client::get(self.0, &self.0.to_string(), path)
    }

    /// `/mapping`.
    #[track_caller]
    pub fn mapping(self) -> serde_json::Value {
        self.get("/mapping").json()
    }

    /// The value of a series, or of all together that have this name and these labels, `name{a="b",c="d"}`;
    /// 0 for one that was never counted.
    #[track_caller]
    pub fn metric(self, series: &str) -> f64 {
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
        let value = |line: &str| {
            let (found, value) = line.rsplit_once(' ')?;
            let (of, with) = found.split_once('{').unwrap_or((found, ""));
            (of == name && labels.iter().all(|label| with.contains(label))).then(|| value.to_owned())
        };
        let number = |text: String| -> f64 { text.parse().unwrap_or_else(|e| panic!("{series}: {text:?}: {e}")) };
        self.get("/metrics").text().lines().filter_map(value).map(number).sum()
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
