//! Medians, and ratios inside a round.

use std::collections::BTreeMap;

use super::record::{Line, Measured};

/// The middle one, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Which figure: of a phase, with a mapping of so many domains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    pub phase: &'static str,
    pub value: &'static str,
    pub domains: usize,
}

/// A proxy's values of a figure, by round.
pub fn by_round(lines: &[Line], proxy: &str, figure: Figure) -> BTreeMap<usize, f64> {
    let measured = lines.iter().filter_map(|line| match line {
        Line::Measured(measured) => Some(measured),
        _ => None,
    });
    let is = |m: &&Measured| m.proxy == proxy && m.phase == figure.phase && m.domains == figure.domains;
    measured.filter(is).filter_map(|m| Some((m.round, *m.values.get(figure.value)?))).collect()
}

pub fn median_of(lines: &[Line], proxy: &str, figure: Figure) -> Option<f64> {
    median(&by_round(lines, proxy, figure).into_values().collect::<Vec<_>>())
}

/// The median of the ratios inside each round: what the machine was busy with then weighs on both.
pub fn ratio(lines: &[Line], proxy: &str, base: &str, figure: Figure) -> Option<f64> {
    let bases = by_round(lines, base, figure);
    let own = by_round(lines, proxy, figure);
    let ratios = own.iter().filter_map(|(round, value)| Some(value / bases.get(round).filter(|base| **base > 0.0)?));
    median(&ratios.collect::<Vec<_>>())
}

/// All of a value, over rounds, phases and sizes: for counts of what failed.
pub fn total(lines: &[Line], proxy: &str, value: &str) -> f64 {
    let of = |line: &Line| match line {
        Line::Measured(m) if m.proxy == proxy => m.values.get(value).copied().unwrap_or_default(),
        _ => 0.0,
    };
    lines.iter().map(of).sum()
}
