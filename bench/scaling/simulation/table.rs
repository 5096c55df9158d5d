//! The results as docs/scaling.md includes them.

use std::fmt::Write as _;

use super::{OBJECTIVE, RULES, START, STARTS, TARGETS, TRACES, recommended, run};

/// A table for each trace, and what follows from them.
pub fn table() -> String {
    let mut text = String::from(
        "<!-- Written by `cargo run -p nameplate-bench --bin scaling docs/scaling`; a test holds it. -->\n",
    );
    for trace in &TRACES {
        let _ = write!(text, "\n**{}**: {}.\n\n| target |", trace.name, trace.about);
        for rule in &RULES {
            let _ = write!(text, " {} |", rule.name);
        }
        text.push_str("\n|---|---|---|---|\n");
        for target in TARGETS {
            let _ = write!(text, "| {target} % |");
            for rule in &RULES {
                let run = run(trace, rule, target, START);
                let p99 = run.p99();
                let held = if p99 <= OBJECTIVE { "**" } else { "" };
                let _ = write!(text, " {held}{}{held}, {:.1} task hours |", time(p99), run.task_hours());
            }
            text.push('\n');
        }
    }
    text.push_str("\nThe highest target that holds p99 in all three, by the time a task takes to start:\n\n| |");
    for start in STARTS {
        let _ = write!(text, " {start} s |");
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for rule in &RULES {
        let _ = write!(text, "| {} |", rule.name);
        for start in STARTS {
            let bold = if start == START { "**" } else { "" };
            let _ = write!(text, " {bold}{} %{bold} |", recommended(rule, start));
        }
        text.push('\n');
    }
    text
}

fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1_000.0) } else { format!("{seconds:.0} s") }
}
