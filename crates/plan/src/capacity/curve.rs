//! A load over time: read from rows, or a day between a trough and a peak.

use super::row::{Unit, is_heading, row};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// The most days that a load may be of. A day whose times are milliseconds from 0 on would be longer.
const LONGEST: f64 = 731.0;

/// Fewer rows than this may all be at a multiple of 1000 seconds.
const FEW: usize = 10;

/// How many samples a curve is looked at with, at most.
const MOST_SAMPLES: f64 = 100_000.0;

/// Requests a second over time, straight from one point to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Seconds, rising, and the load.
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// A day from `trough` at midnight to `peak` at noon and back, as a cosine.
    pub fn daily(peak: f64, trough: f64) -> Curve {
        let at = |step: i32| {
            let time = f64::from(step) * 300.0;
            (time, trough + (peak - trough) * (1.0 - (time / DAY * std::f64::consts::TAU).cos()) / 2.0)
        };
        Curve { points: (0..=288).map(at).collect() }
    }

    /// Reads rows of `time,requests_per_second`; `file` is only for the error. Times rise.
    /// The first row may be a heading.
    pub fn parse(text: &str, file: &str) -> Result<Curve, String> {
        let mut points: Vec<(f64, f64)> = Vec::new();
        let (mut unit, mut is_first) = (None::<Unit>, true);
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if std::mem::take(&mut is_first) && is_heading(line) {
                continue;
            }
            let error = |what: String| format!("{file}:{number}: error: {what}");
            let (point, of_row) = row(line).map_err(error)?;
            if *unit.get_or_insert(of_row) != of_row {
                let help = "write all times alike";
                return Err(error(format!("the time is in {of_row}, and those before are not\n  help: {help}")));
            }
            if points.last().is_some_and(|(before, _)| *before >= point.0) {
                return Err(format!(
                    "{file}:{number}: error: the time is not after the one before\n  help: sort the rows"
                ));
            }
            points.push(point);
        }
        if points.len() < 2 {
            let help = "help: write at least two rows of `time,requests_per_second`, for example `09:00,120`";
            return Err(format!("{file}: error: there are fewer than two rows\n  {help}"));
        }
        let is_round = points.len() >= FEW && points.iter().all(|(time, _)| time % 1_000.0 == 0.0);
        if unit == Some(Unit::Seconds) && is_round {
            let help = "divide milliseconds by 1000, or write times of day: 09:30, 09:30:15";
            return Err(format!("{file}: error: every time is a multiple of 1000, as of milliseconds\n  help: {help}"));
        }
        let days = (points[points.len() - 1].0 - points[0].0) / DAY;
        if days > LONGEST {
            let help =
                "are the times milliseconds? Bare numbers below 100,000,000,000 are seconds: divide them by 1000";
            return Err(format!("{file}: error: the rows are of {days:.0} days, over {LONGEST}\n  help: {help}"));
        }
        Ok(Curve { points })
    }

    /// The highest load.
    pub fn peak(&self) -> f64 {
        self.points.iter().map(|(_, load)| *load).fold(0.0, f64::max)
    }

    /// The lowest.
    pub fn trough(&self) -> f64 {
        self.points.iter().map(|(_, load)| *load).fold(f64::INFINITY, f64::min)
    }

    /// The load at even steps of this many seconds: a minute, or more where the curve is very long.
    pub fn samples(&self) -> (f64, Vec<f64>) {
        let (first, last) = (self.points[0].0, self.points[self.points.len() - 1].0);
        let step = ((last - first) / MOST_SAMPLES).max(60.0);
        let mut from = 0;
        let sample = |n: usize| {
            let at = first + n as f64 * step;
            while from + 2 < self.points.len() && self.points[from + 1].0 <= at {
                from += 1;
            }
            let ((start, before), (end, after)) = (self.points[from], self.points[from + 1]);
            before + (after - before) * ((at - start) / (end - start)).min(1.0)
        };
        (step, (0..=((last - first) / step).ceil() as usize).map(sample).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_any_of_the_times() {
        let want = Curve { points: vec![(34_200.0, 10.0), (34_215.0, 20.5)] };
        for text in ["09:30,10\n09:30:15,20.5\n", "time, requests_per_second\n\n34200, 10\n# noon\n34215,20.5"] {
            assert_eq!(Curve::parse(text, "f"), Ok(want.clone()), "{text}");
        }
        let dated = Curve::parse("2026-01-31T09:30:00Z,1\n2026-02-01 09:30:00,2\n", "f").expect("rows");
        assert_eq!(dated.points[1].0 - dated.points[0].0, DAY);
    }

    /// As CloudWatch, Grafana and spreadsheets export them.
    #[test]
    fn milliseconds_from_0_on_are_not_taken_for_seconds() {
        let rows = |step: u32| (0..30).map(|at| format!("{},10\n", at * step)).collect::<String>();
        let error = Curve::parse(&rows(60_000), "f").expect_err("milliseconds");
        assert!(error.starts_with("f: error: every time is a multiple of 1000"), "{error}");
        assert!(Curve::parse(&rows(60), "f").is_ok() && Curve::parse(&rows(3_600), "f").is_ok());
    }

    #[test]
    fn milliseconds_quotes_and_headings_are_read() {
        let want = [(0.0, 10.0), (60.0, 20.0)];
        for text in [
            "1767225600000,10\n1767225660000,20\n",
            "1767225600000000,10\n1767225660000000,20\n",
            "1767225600000000000,10\n1767225660000000000,20\n",
            "\"Time\",\"Sum of Requests\"\r\n\"2026-01-01T00:00:00.000Z\",\"10\"\r\n\"2026-01-01T00:01:00.000Z\",\"20\"\r\n",
            "\u{feff}# an export\nTimestamp, value\n2026-01-01 01:00:00+01:00, 10\n2025-12-31 19:01:00 -0500, 20\n",
            "2026-01-01T05:30:00+0530,10\n2026-01-01T01:01:00+01,20\n",
            "2026-01-01 00:00:00 UTC,10\n2026-01-01T00:01:00z,20\n",
        ] {
            let curve = Curve::parse(text, "f").unwrap_or_else(|error| panic!("{error}\n{text}"));
            let first = curve.points[0].0;
            assert_eq!(first, 1_767_225_600.0, "{text}");
            let points: Vec<_> = curve.points.iter().map(|(time, load)| (time - first, *load)).collect();
            assert_eq!(points, want, "{text}");
        }
    }

    #[track_caller]
    fn fault(text: &str, want: &str) {
        let found = Curve::parse(text, "load.csv").expect_err(text);
        assert!(found.starts_with(want) && found.contains("help: "), "{found}");
    }

    #[test]
    fn a_fault_says_which_row_and_how_to_mend_it() {
        fault("09:00,1\n09:05\n", "load.csv:2: error: `09:05` is no row");
        fault("time,requests_per_second\n9h,1\n", "load.csv:2: error: `9h` is no time");
        fault("time,requests\ntime,requests\n", "load.csv:2: error: `time` is no time");
        fault("09:00,\"1,200\"\n", "load.csv:1: error: `09:00,\"1,200\"` has 3 columns");
        fault("1767225600000,1\n1767225660,2\n", "load.csv:2: error: the time is in seconds");
        fault("09:00,1\n2026-01-31T09:05:00Z,2\n", "load.csv:2: error: the time is in dates");
        fault("09:00,1\n09:60,1\n", "load.csv:2: error: `09:60` is no time");
        fault("0,-1\n", "load.csv:1: error: `-1` is no number of requests");
        fault("0,many\n", "load.csv:1: error: `many` is no number of requests");
        fault("0,inf\n", "load.csv:1: error: `inf` is no number of requests");
        fault("0,1\n0,2\n", "load.csv:2: error: the time is not after the one before");
        fault("0,1\n", "load.csv: error: there are fewer than two rows");
        fault("0,1\n43200000,2\n86400000,1\n", "load.csv: error: the rows are of 1000 days");
        fault("", "load.csv: error: there are fewer than two rows");
    }

    #[test]
    fn between_its_points_a_curve_is_straight() {
        let curve = Curve::parse("0,0\n120,120\n180,0\n", "f").expect("rows");
        assert_eq!(curve.samples(), (60.0, vec![0.0, 60.0, 120.0, 0.0]));
        assert_eq!((curve.peak(), curve.trough()), (120.0, 0.0));
    }

    #[test]
    fn a_day_has_its_peak_at_noon() {
        let (step, samples) = Curve::daily(100.0, 20.0).samples();
        assert_eq!((step, samples.len()), (60.0, 1_441));
        assert!((samples[0] - 20.0).abs() < 1e-9 && (samples[720] - 100.0).abs() < 1e-9, "{samples:?}");
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        assert!((mean - 60.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn a_year_is_looked_at_with_a_bounded_number_of_samples() {
        let (_, samples) = Curve::parse("0,1\n31536000,2\n", "f").expect("rows").samples();
        assert!(samples.len() <= MOST_SAMPLES as usize + 1, "{}", samples.len());
    }
}
