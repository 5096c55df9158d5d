//! The plots, as SVG on a white ground of their own, so that they read the same on any page.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use super::fleet::Second;
use super::{OBJECTIVE, RULES, Run, START, TARGETS, TRACES, Trace, recommended, run};

type Chart<'a, X, Y> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Told apart by people who see colours differently, too (Okabe and Ito).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];
const GREY: RGBColor = RGBColor(110, 110, 110);

fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
    // Writing to memory cannot fail, and every range below is a constant or has a width.
    area.fill(&WHITE).expect("drawn in memory");
    draw(&area).expect("drawn in memory");
    area.present().expect("drawn in memory");
    drop(area);
    text
}

/// What 99 of 100 requests stay under, by target, for each trace.
pub fn targets() -> String {
    drawn((1_080, 400), |area| {
        let area = area.titled("Added p99 by target: below the dashed line it holds", ("sans-serif", 20))?;
        for (panel, trace) in area.split_evenly((1, TRACES.len())).iter().zip(&TRACES) {
            targets_of(panel, trace)?;
        }
        Ok(())
    })
}

fn targets_of(area: &Area<'_>, trace: &Trace) -> Drawn {
    let (from, to) = (f64::from(TARGETS[0]), f64::from(TARGETS[TARGETS.len() - 1]));
    let mut chart = ChartBuilder::on(area)
        .caption(trace.name, ("sans-serif", 17))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(62)
        .build_cartesian_2d(from..to, (1.0..50_000.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("target, percent of CPU")
        .y_desc("p99 that the proxy adds, ms")
        .x_labels(5)
        .y_label_formatter(&|ms| format!("{ms}"))
        .x_label_formatter(&|percent| format!("{percent:.0}"))
        .label_style(("sans-serif", 13))
        .light_line_style(WHITE)
        .draw()?;
    let objective = OBJECTIVE * 1_000.0;
    chart.draw_series(DashedLineSeries::new([(from, objective), (to, objective)], 6, 4, GREY.stroke_width(2)))?;
    for (rule, colour) in RULES.iter().zip(COLOURS) {
        let points = TARGETS.map(|target| (f64::from(target), run(trace, rule, target, START).p99() * 1_000.0));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
            .label(rule.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    // Where there is room for it.
    if trace.name == TRACES[TRACES.len() - 1].name {
        name_lines(&mut chart, SeriesLabelPosition::UpperLeft)?;
    }
    Ok(())
}

/// Says which line is which.
fn name_lines<X: Ranged, Y: Ranged>(chart: &mut Chart<'_, X, Y>, at: SeriesLabelPosition) -> Drawn {
    chart
        .configure_series_labels()
        .position(at)
        .background_style(WHITE.mix(0.85))
        .border_style(GREY)
        .label_font(("sans-serif", 12))
        .draw()?;
    Ok(())
}

/// What a plot of a run shows over time, one below the other.
struct Panel {
    about: &'static str,
    of: fn(&Second) -> f64,
    logarithmic: bool,
    /// A dashed line.
    mark: Option<f64>,
    shows: Shows,
}

/// Whose lines there are.
#[derive(PartialEq)]
enum Shows {
    /// One, because it is the same for all.
    One,
    /// Each rule's.
    Each,
    /// Each rule's, and which is which.
    EachWithNames,
}

const PANELS: [Panel; 4] = [
    Panel {
        about: "requests/s, thousands",
        of: |second| second.load / 1_000.0,
        logarithmic: false,
        mark: None,
        shows: Shows::One,
    },
    Panel {
        about: "tasks in service",
        of: |second| f64::from(second.tasks),
        logarithmic: false,
        mark: None,
        shows: Shows::EachWithNames,
    },
    Panel {
        about: "mean CPU, percent",
        of: |second| second.cpu * 100.0,
        logarithmic: false,
        mark: Some(100.0),
        shows: Shows::Each,
    },
    Panel {
        about: "added p99, ms",
        of: |second| second.p99 * 1_000.0,
        logarithmic: true,
        mark: Some(OBJECTIVE * 1_000.0),
        shows: Shows::Each,
    },
];

/// One trace over time, each rule at the target it is recommended with.
pub fn course(trace: &Trace) -> String {
    let runs: Vec<(String, Run)> = RULES
        .iter()
        .map(|rule| {
            let target = recommended(rule, START);
            (format!("{} at {target} %", rule.name), run(trace, rule, target, START))
        })
        .collect();
    drawn((1_080, 960), |area| {
        let title = format!("{}: {}", trace.name, trace.about);
        let area = area.titled(&title, ("sans-serif", 20))?;
        for (panel, of) in area.split_evenly((PANELS.len(), 1)).iter().zip(&PANELS) {
            if of.logarithmic {
                let highest = highest(&runs, of).max(100.0) * 2.0;
                course_of(panel, trace, &runs, of, (0.5..highest).log_scale())?;
            } else {
                course_of(panel, trace, &runs, of, 0.0..highest(&runs, of) * 1.1)?;
            }
        }
        Ok(())
    })
}

fn highest(runs: &[(String, Run)], panel: &Panel) -> f64 {
    let all = runs.iter().flat_map(|(_, run)| run.seconds.iter().map(panel.of));
    all.fold(panel.mark.unwrap_or_default(), f64::max)
}

fn course_of<Y>(area: &Area<'_>, trace: &Trace, runs: &[(String, Run)], panel: &Panel, range: Y) -> Drawn
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let (unit, divisor) = if trace.length > 20_000 { ("hours", 3_600.0) } else { ("minutes", 60.0) };
    let end = trace.length as f64 / divisor;
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(18)
        .x_label_area_size(34)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..end, range)?;
    chart
        .configure_mesh()
        .x_desc(unit)
        .y_desc(panel.about)
        .x_labels(13)
        .y_labels(5)
        .x_label_formatter(&|at| format!("{at:.0}"))
        .y_label_formatter(&|value| format!("{value}"))
        .label_style(("sans-serif", 13))
        .light_line_style(WHITE)
        .draw()?;
    if let Some(mark) = panel.mark {
        chart.draw_series(DashedLineSeries::new([(0.0, mark), (end, mark)], 6, 4, GREY.stroke_width(2)))?;
    }
    let every = (trace.length / 270) as usize;
    let lines = if panel.shows == Shows::One { 1 } else { runs.len() };
    for ((name, run), colour) in runs.iter().zip(COLOURS).take(lines) {
        let colour = if lines == 1 { GREY } else { colour };
        // The worst of what falls together, so that nothing short is lost.
        let worst = |chunk: &[Second]| chunk.iter().map(panel.of).fold(0.0, f64::max);
        let points = run.seconds.chunks(every).enumerate();
        let points = points.map(|(at, chunk)| ((at * every) as f64 / divisor, worst(chunk)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name.as_str())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    if panel.shows == Shows::EachWithNames {
        name_lines(&mut chart, SeriesLabelPosition::UpperRight)?;
    }
    Ok(())
}
