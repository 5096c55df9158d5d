//! The sizes a Fargate task can have, and what they cost.

/// Bytes in what Fargate calls a GB.
const GB: f64 = 1_073_741_824.0;

/// Hours in the month that AWS's price examples reckon with.
pub const HOURS: f64 = 730.0;

/// A task's vCPU and memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// In vCPU.
    pub vcpu: f64,
    /// In GB.
    pub memory: f64,
}

/// vCPU, and the memory it comes with on Linux: the least, the most, and the step between, in GB. From
/// "Task CPU and memory" (Amazon ECS developer guide). With 0.25 vCPU there is no 1.5 GB.
const SIZES: [(f64, f64, f64, f64); 7] = [
    (0.25, 0.5, 2.0, 0.5),
    (0.5, 1.0, 4.0, 1.0),
    (1.0, 2.0, 8.0, 1.0),
    (2.0, 4.0, 16.0, 1.0),
    (4.0, 8.0, 30.0, 1.0),
    (8.0, 16.0, 60.0, 4.0),
    (16.0, 32.0, 120.0, 8.0),
];

impl Size {
    /// The vCPU there are, from small to large.
    pub fn vcpus() -> impl Iterator<Item = f64> {
        SIZES.iter().map(|(vcpu, ..)| *vcpu)
    }

    /// The smallest with this vCPU that has so much memory, in bytes. `None` where none has.
    pub fn with(vcpu: f64, bytes: f64) -> Option<Size> {
        let (_, least, most, step) = *SIZES.iter().find(|(known, ..)| *known == vcpu)?;
        let steps = ((bytes / GB - least) / step).ceil().max(0.0);
        let memory = least + steps * step;
        let memory = if (vcpu, memory) == (0.25, 1.5) { 2.0 } else { memory };
        (memory <= most).then_some(Size { vcpu, memory })
    }

    /// Its memory, in bytes.
    pub fn bytes(self) -> f64 {
        self.memory * GB
    }
}

/// USD. They change, and differ by region and architecture: the flags of `nameplate capacity` replace them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// For a vCPU and hour.
    pub vcpu: f64,
    /// For a GB of memory and hour.
    pub gb: f64,
    /// For the load balancer and hour, and for each of its capacity units.
    pub balancer: (f64, f64),
}

/// Linux on ARM in us-east-1, and a network load balancer there.
impl Default for Prices {
    fn default() -> Self {
        Prices { vcpu: 0.03238, gb: 0.00356, balancer: (0.0225, 0.006) }
    }
}

impl Prices {
    /// For one task and a month.
    pub fn task(&self, size: Size) -> f64 {
        HOURS * (size.vcpu * self.vcpu + size.memory * self.gb)
    }

    /// For the load balancer and a month, with so many capacity units on average.
    pub fn balancer(&self, units: f64) -> f64 {
        HOURS * (self.balancer.0 + self.balancer.1 * units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(vcpu: f64, gb: f64, want: Option<f64>) {
        assert_eq!(Size::with(vcpu, gb * GB).map(|size| size.memory), want, "{vcpu} vCPU for {gb} GB");
    }

    #[test]
    fn memory_comes_in_the_steps_that_fargate_has() {
        check(0.25, 0.1, Some(0.5));
        check(0.25, 0.6, Some(1.0));
        check(0.25, 1.1, Some(2.0));
        check(0.25, 2.1, None);
        check(1.0, 2.0, Some(2.0));
        check(1.0, 2.01, Some(3.0));
        check(4.0, 30.0, Some(30.0));
        check(8.0, 17.0, Some(20.0));
        check(16.0, 113.0, Some(120.0));
        check(16.0, 121.0, None);
        check(3.0, 1.0, None);
    }

    #[test]
    fn a_month_has_730_hours() {
        let size = Size { vcpu: 1.0, memory: 2.0 };
        assert!((Prices::default().task(size) - 730.0 * (0.03238 + 2.0 * 0.00356)).abs() < 1e-9);
        assert!((Prices::default().balancer(2.0) - 730.0 * 0.0345).abs() < 1e-9);
    }
}
