//! The committed figures, and how far a request may be from them.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

/// What one request costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Instructions in user space.
    pub instructions: f64,
    /// System calls.
    pub system_calls: f64,
}

/// Over the figure by more than this part of it, and it is a regression. Beneath it by more, and it is
/// time to commit the better figure.
const MARGIN: f64 = 0.05;

impl Figures {
    /// Reads lines of `name: number`; `#` begins a comment.
    pub fn read(text: &str) -> Result<Figures> {
        let number = |name: &str| -> Result<f64> {
            let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
            let value = lines.filter_map(|line| line.split_once(':')).find(|(key, _)| key.trim() == name);
            let (_, value) = value.with_context(|| format!("the figures have no `{name}`"))?;
            match value.trim().parse::<f64>() {
                Ok(number) if number > 0.0 => Ok(number),
                _ => bail!("`{name}` is not a number above 0: {}", value.trim()),
            }
        };
        Ok(Figures { instructions: number("instructions")?, system_calls: number("system_calls")? })
    }

    /// What to say of a count against these, and whether it is within the margin or better.
    pub fn judge(&self, counted: &Figures) -> (String, bool) {
        let mut report = String::new();
        let mut good = true;
        for (what, figure, count) in [
            ("instructions", self.instructions, counted.instructions),
            ("system_calls", self.system_calls, counted.system_calls),
        ] {
            let by = count / figure - 1.0;
            let verdict = if by > MARGIN {
                good = false;
                "REGRESSION: find what costs more, or commit the figure and say why it is worth it"
            } else if by < -MARGIN {
                "better: commit the figure, so that it stays"
            } else {
                "as committed"
            };
            let _ =
                writeln!(report, "{what}: {count:.2} a request, {figure} committed, {:+.1} %: {verdict}", by * 100.0);
        }
        (report, good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: Figures = Figures { instructions: 100_000.0, system_calls: 8.0 };

    #[track_caller]
    fn judged(instructions: f64, system_calls: f64, good: bool, words: [&str; 2]) {
        let (report, is_good) = COMMITTED.judge(&Figures { instructions, system_calls });
        assert_eq!(is_good, good, "{report}");
        for (line, word) in report.lines().zip(words) {
            assert!(line.contains(word), "{line}");
        }
    }

    #[test]
    fn more_than_the_margin_is_a_regression_in_either() {
        judged(100_000.0, 8.0, true, ["as committed", "as committed"]);
        judged(104_900.0, 8.3, true, ["as committed", "as committed"]);
        judged(105_100.0, 8.0, false, ["REGRESSION", "as committed"]);
        judged(90_000.0, 8.5, false, ["better", "REGRESSION"]);
    }

    #[test]
    fn figures_are_read_or_missed() {
        let read = |text| Figures::read(text).map_err(|e| e.to_string());
        assert_eq!(read("# what\ninstructions: 100000 # callgrind\nsystem_calls: 8\n"), Ok(COMMITTED));
        assert_eq!(read("instructions: 1\n"), Err("the figures have no `system_calls`".into()));
        assert_eq!(read("instructions: -1\nsystem_calls: 8"), Err("`instructions` is not a number above 0: -1".into()));
    }
}
