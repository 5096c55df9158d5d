//! Load over time.

/// A course of load.
pub struct Trace {
    pub name: &'static str,
    pub about: &'static str,
    /// The plot's file.
    pub file: &'static str,
    /// In seconds.
    pub length: u64,
    load: fn(f64) -> f64,
}

/// What real loads are made of: a jump that nobody announced, a rise that takes a while, and days.
pub const TRACES: [Trace; 3] = [
    Trace {
        name: "spike",
        about: "half again as much within 10 seconds, for 20 minutes",
        file: "spike.svg",
        length: 5_400,
        load: spike,
    },
    Trace { name: "ramp", about: "three times as much within 30 minutes", file: "ramp.svg", length: 7_200, load: ramp },
    Trace {
        name: "daily",
        about: "a day: twelve times as much at noon as at midnight, give or take 5 %",
        file: "daily.svg",
        length: 86_400,
        load: daily,
    },
];

impl Trace {
    /// Requests a second, at this second.
    pub fn load(&self, second: u64) -> f64 {
        (self.load)(second as f64)
    }
}

/// From `from` to `to` between two times, and constant outside.
fn between(at: f64, (start, from): (f64, f64), (end, to): (f64, f64)) -> f64 {
    from + (to - from) * ((at - start) / (end - start)).clamp(0.0, 1.0)
}

fn spike(at: f64) -> f64 {
    between(at, (600.0, 48_000.0), (610.0, 72_000.0)) - between(at, (1_800.0, 0.0), (1_810.0, 24_000.0))
}

fn ramp(at: f64) -> f64 {
    between(at, (600.0, 32_000.0), (2_400.0, 96_000.0)) - between(at, (3_600.0, 0.0), (5_400.0, 64_000.0))
}

fn daily(at: f64) -> f64 {
    let day = 52_000.0 - 44_000.0 * (at / 86_400.0 * std::f64::consts::TAU).cos();
    day * (0.95 + 0.1 * noise(at as u64 / 10))
}

/// From 0 to 1, the same for the same step in every run: the high bits of a multiplicative hash.
fn noise(step: u64) -> f64 {
    let mixed = (step + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / f64::from(1 << 24)
}
