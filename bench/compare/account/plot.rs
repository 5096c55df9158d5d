//! The plots: bars, a proxy each, as SVG on a white ground of their own, so that they read the same on any page.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::record::Line;
use super::report::{keeps_up, peers};
use super::stats::{Figure, median_of};
use super::tables::number;
use crate::peers::OURS;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Told apart by people who see colours differently, too (Okabe and Ito).
const OTHERS: RGBColor = RGBColor(140, 160, 175);
const ACCENT: RGBColor = RGBColor(213, 94, 0);

const WIDTH: u32 = 860;
const HEIGHT_OF_BAR: i32 = 26;
const HEAD: i32 = 44;
/// Left of the bars, for names, and right of them, for figures.
const NAMES: i32 = 240;
const FIGURES: i32 = 90;

struct Bar {
    name: String,
    value: f64,
    ours: bool,
}

/// Each plot's name, title, figure, and what a figure is divided by.
const PLOTS: [(&str, &str, &str, &str, f64); 5] = [
    ("cpu.svg", "CPU time a request, µs", "saturation", "cpu_us", 1.0),
    ("throughput.svg", "Requests a second on one CPU (more is better)", "saturation", "per_second", 1.0),
    ("latency.svg", "p99 at the fixed rate, ms", "rate", "p99_us", 1e3),
    ("bodies.svg", "100 KiB answers: CPU seconds a GB", "bodies", "cpu_s_per_gb", 1.0),
    ("spread.svg", "CPU time a request, traffic over all APIs, µs", "spread", "cpu_us", 1.0),
];

/// The files, by name.
pub fn all(lines: &[Line]) -> Vec<(&'static str, String)> {
    let Some(Line::Machine(machine)) = lines.iter().find(|line| matches!(line, Line::Machine(_))) else {
        return Vec::new();
    };
    let plot = |&(name, title, phase, value, divisor): &(&'static str, &str, &'static str, &'static str, f64)| {
        let figure = Figure { phase, value, domains: machine.domains };
        (name, bars(title, &bars_of(lines, figure, divisor)))
    };
    let mut plots: Vec<_> = PLOTS.iter().map(plot).collect();
    if let Some(domains) = machine.sizes.iter().copied().max() {
        let title = |what: &str| format!("{what} with {} domains", number(domains as f64));
        let start = Figure { phase: "start", value: "ms", domains };
        let memory = Figure { phase: "start", value: "proportional_mb", domains };
        let change = Figure { phase: "change", value: "ms", domains };
        plots.push(("start.svg", bars(&title("Start, ms,"), &bars_of(lines, start, 1.0))));
        plots.push(("memory.svg", bars(&title("Memory, MB,"), &bars_of(lines, memory, 1.0))));
        plots.push(("change.svg", bars(&title("A new domain answers after, ms,"), &bars_of(lines, change, 1.0))));
    }
    plots
}

fn bars_of(lines: &[Line], figure: Figure, divisor: f64) -> Vec<Bar> {
    let bar = |peer: &&'static crate::peers::Peer| {
        let value = median_of(lines, peer.name, figure)? / divisor;
        let counts = figure.phase != "rate" || keeps_up(lines, peer, figure.domains);
        let name = peer.title.replace(['*', '`'], "");
        counts.then_some(Bar { name, value, ours: peer.name.starts_with(OURS) })
    };
    peers(lines).iter().filter_map(bar).collect()
}

fn bars(title: &str, bars: &[Bar]) -> String {
    let height = HEAD + HEIGHT_OF_BAR * i32::try_from(bars.len()).unwrap_or_default() + 10;
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (WIDTH, height.unsigned_abs())).into_drawing_area();
    // Writing to memory cannot fail.
    draw(&area, title, bars).expect("drawn in memory");
    area.present().expect("drawn in memory");
    drop(area);
    text
}

fn draw(area: &Area<'_>, title: &str, bars: &[Bar]) -> Drawn {
    area.fill(&WHITE)?;
    let style = |size: i32, pos: Pos| ("sans-serif", size).into_font().color(&BLACK).pos(pos);
    area.draw(&Text::new(title.to_owned(), (12, 12), style(18, Pos::new(HPos::Left, VPos::Top))))?;
    let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(WIDTH) - f64::from(NAMES + FIGURES);
    for (bar, at) in bars.iter().zip(0..) {
        let top = HEAD + at * HEIGHT_OF_BAR;
        let middle = top + HEIGHT_OF_BAR / 2 - 2;
        let end = NAMES + (bar.value / most * room).round().max(1.0) as i32;
        let colour = if bar.ours { ACCENT } else { OTHERS };
        area.draw(&Rectangle::new([(NAMES, top), (end, top + HEIGHT_OF_BAR - 6)], colour.filled()))?;
        let name = style(14, Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(bar.name.clone(), (NAMES - 8, middle), name))?;
        let figure = style(13, Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(number(bar.value), (end + 6, middle), figure))?;
    }
    Ok(())
}
