//! How long a request waits for CPU.
//!
//! Requests arrive by chance (the clients are many and do not know of each other) and need unequal amounts of
//! CPU (a new connection's handshake costs many times a request over a kept one). In a task of one vCPU that is
//! M/G/1, whose mean wait is exact (Pollaczek and Khinchine). With more vCPU, each takes requests, and how often
//! all of them are busy is Sakasegawa's approximation. That the time of those who wait is exponential is the
//! usual one, good where the load is high, which is where it matters.

/// What the proxy may add to 99 of 100 requests, in seconds: little beside what APIs take themselves.
pub const OBJECTIVE: f64 = 0.025;

/// Where requests are heavy that is nothing to ask for: then it is this many times their own CPU time.
const TIMES: f64 = 25.0;

/// The busiest task's share over the mean. A network load balancer spreads connections and not requests.
pub const SPREAD: f64 = 1.15;

/// The squared coefficient of variation of a request's CPU time: 5 is what one request in a hundred makes
/// that costs 25 times the others.
const VARIABILITY: f64 = 5.0;

/// Utilization at which the wait is reckoned by what has piled up, and not by this.
const FULL: f64 = 0.99;

/// Whatever the queue says, no fleet is planned to run hotter: a load is never known to a fifth.
const HOTTEST: f64 = 0.8;

/// A task, as its requests see it.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Seconds that a request takes alone.
    seconds: f64,
    /// How many at once.
    servers: f64,
}

impl Server {
    /// A task with this vCPU; a fraction of one takes longer for each request.
    pub fn new(cpu_per_request: f64, vcpu: f64) -> Server {
        Server { seconds: cpu_per_request / vcpu.min(1.0), servers: vcpu.max(1.0) }
    }

    /// The share of requests that take longer than `seconds` at this utilization.
    pub fn longer_than(self, seconds: f64, utilization: f64) -> f64 {
        let waits = seconds - self.seconds;
        if waits < 0.0 {
            return 1.0;
        }
        let utilization = utilization.min(FULL);
        self.waiting(utilization) * (-waits / self.wait(utilization)).exp()
    }

    /// What 99 of 100 requests stay under at this utilization, in seconds.
    pub fn p99(self, utilization: f64) -> f64 {
        let utilization = utilization.min(FULL);
        self.seconds + (self.wait(utilization) * (self.waiting(utilization) * 100.0).ln()).max(0.0)
    }

    /// The share that waits at all.
    fn waiting(self, utilization: f64) -> f64 {
        utilization.powf((2.0 * (self.servers + 1.0)).sqrt() - 1.0)
    }

    /// The mean time of those who do.
    fn wait(self, utilization: f64) -> f64 {
        self.seconds * (1.0 + VARIABILITY) / 2.0 / (self.servers * (1.0 - utilization))
    }

    /// The highest mean CPU of a fleet, from 0 to 1, at which its busiest task holds [`OBJECTIVE`].
    pub fn limit(self) -> f64 {
        let objective = OBJECTIVE.max(TIMES * self.seconds);
        let (mut low, mut high) = (0.0, HOTTEST);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if self.p99(middle * SPREAD) <= objective { low = middle } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: f64 = 0.00025;

    #[test]
    fn a_task_of_one_vcpu_waits_as_mg1_does() {
        let one = Server::new(LIGHT, 1.0);
        // Half of the requests wait, for 0.25 ms * 3 / 0.5 on average: the mean over all is the formula's.
        assert!((one.waiting(0.5) * one.wait(0.5) - 0.5 * LIGHT * 3.0 / 0.5).abs() < 1e-12);
        let p99 = one.p99(0.5);
        assert!((one.longer_than(p99, 0.5) - 0.01).abs() < 1e-9, "{p99}");
        assert_eq!(one.longer_than(LIGHT / 2.0, 0.1), 1.0, "nobody is done before it is done");
        assert!(one.p99(5.0).is_finite());
    }

    #[test]
    fn more_vcpu_wait_less_and_less_vcpu_more() {
        let limit = |vcpu| Server::new(LIGHT, vcpu).limit();
        assert!((limit(1.0) - 0.75).abs() < 0.005, "{}", limit(1.0));
        assert!(limit(0.25) < 0.5 && limit(0.25) > 0.35, "{}", limit(0.25));
        assert!(limit(0.5) > limit(0.25) && limit(1.0) > limit(0.5));
        assert!((limit(4.0) - HOTTEST).abs() < 1e-9, "{}", limit(4.0));
    }

    #[test]
    fn heavy_requests_are_not_asked_for_what_cannot_be() {
        let limit = Server::new(0.1, 1.0).limit();
        assert!(limit > 0.35 && limit < 0.5, "{limit}");
    }
}
