//! When this task probes an API: never more than its share, without knowing the other tasks.
//!
//! Time is cut into intervals, and as many intervals as there are tasks into a cycle. A task probes each API once in
//! each cycle: in which interval is drawn anew for each cycle, and when within the interval stays the same for this task
//! and API. So a task never probes an API twice in one interval, and in each cycle a fleet of N tasks sends an API exactly
//! N requests: with the number of tasks that the settings say, one for each interval on average.
//!
//! How many meet in one interval is chance, because no task knows of the others: with 10 tasks or more, none in 36 % of
//! the intervals, one in 37 %, two in 19 % and more in 8 %. At worst it is all tasks, once in tasks^(tasks - 1) intervals.

use std::time::Duration;

/// The cycle, and this task's place in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Milliseconds.
    interval: u64,
    tasks: u64,
}

impl Schedule {
    pub(super) fn new(interval: Duration, tasks: u32) -> Schedule {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX / 1_000_000);
        Schedule { interval: interval.max(1), tasks: u64::from(tasks.max(1)) }
    }

    /// The first time after `now` at which an API is to be probed, in milliseconds since the epoch. `key` is random in the
    /// task and the API.
    pub(super) fn next(&self, key: u64, now: u64) -> u64 {
        let cycle = now / self.cycle();
        [cycle, cycle + 1].map(|cycle| self.due(key, cycle)).into_iter().find(|due| *due > now).unwrap_or(now)
    }

    /// Reports whether this is one of the times that [`Schedule::next`] returns.
    pub(super) fn is_turn(&self, key: u64, time: u64) -> bool {
        self.due(key, time / self.cycle()) == time
    }

    /// When an API whose probe failed is asked again: one interval after it, unless that is past at `now`, or the API's next
    /// turn is no later. So no interval has two probes.
    pub(super) fn again(&self, key: u64, failed: u64, now: u64) -> Option<u64> {
        let again = failed.saturating_add(self.interval);
        (again > now && again < self.next(key, failed)).then_some(again)
    }

    /// Which of an API's `targets` is probed at a time: each in turn.
    pub(super) fn turn(&self, key: u64, due: u64, targets: usize) -> usize {
        let turn = (due / self.cycle()).wrapping_add(key);
        usize::try_from(turn % (targets.max(1) as u64)).unwrap_or(0)
    }

    /// A probe that begins later than this after its time does not begin.
    pub(super) fn patience(&self) -> u64 {
        self.interval
    }

    /// Milliseconds of a cycle: no time that [`Schedule::next`] returns is further away than two of them.
    pub(super) fn cycle(&self) -> u64 {
        self.interval.saturating_mul(self.tasks)
    }

    fn due(&self, key: u64, cycle: u64) -> u64 {
        let slot = mix(key ^ mix(cycle)) % self.tasks;
        cycle.saturating_mul(self.cycle()).saturating_add(slot * self.interval).saturating_add(key % self.interval)
    }
}

/// Spreads the bits of a number: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const APIS: u64 = 200;

    /// How many requests each API gets in each of so many minutes from a fleet of `tasks`, of which the settings say
    /// `said`.
    fn simulate(tasks: u64, said: u32, minutes: u64) -> Vec<u64> {
        let schedule = Schedule::new(Duration::from_secs(60), said);
        let cycles = u64::from(said) * MINUTE;
        let begin = 29_000_000 * MINUTE / cycles * cycles;
        let mut counts = vec![0; usize::try_from(APIS * minutes).expect("few")];
        for (task, api) in (0..tasks).flat_map(|task| (0..APIS).map(move |api| (task, api))) {
            let (key, mut now, mut last) = (mix(task << 32 | api), begin - 1, None);
            loop {
                now = schedule.next(key, now);
                if now >= begin + minutes * MINUTE {
                    break;
                }
                let minute = (now - begin) / MINUTE;
                assert_ne!(last.replace(minute), Some(minute), "one task, one API, one minute, two requests");
                counts[usize::try_from(api * minutes + minute).expect("few")] += 1;
            }
        }
        counts
    }

    fn share(counts: &[u64], is: impl Fn(u64) -> bool) -> f64 {
        counts.iter().filter(|count| is(**count)).count() as f64 / counts.len() as f64
    }

    #[test]
    fn a_fleet_of_the_size_that_the_settings_say_sends_each_api_one_request_a_minute() {
        for (tasks, none, more) in [(1, 0.0, 0.0), (2, 0.25, 0.25), (10, 0.349, 0.264), (50, 0.364, 0.264)] {
            let counts = simulate(tasks, u32::try_from(tasks).expect("few"), 200);
            let sum: u64 = counts.iter().sum();
            assert_eq!(sum, APIS * 200, "{tasks} tasks: exactly one on average");
            let found = (share(&counts, |count| count == 0), share(&counts, |count| count > 1));
            assert!((found.0 - none).abs() < 0.02 && (found.1 - more).abs() < 0.02, "{tasks} tasks: {found:?}");
            assert!(share(&counts, |count| count > 5) < 0.002, "{tasks} tasks");
        }
    }

    #[test]
    fn another_number_of_tasks_sends_in_proportion() {
        for (tasks, said, sum) in [(1, 4, 0.25), (4, 4, 1.0), (10, 4, 2.5), (50, 4, 12.5), (10, 50, 0.2)] {
            let counts = simulate(tasks, said, 200);
            assert_eq!(counts.iter().sum::<u64>() as f64, sum * counts.len() as f64, "{tasks} of {said}");
        }
    }

    #[test]
    fn the_worst_case_is_every_task_in_the_same_minute() {
        let schedule = Schedule::new(Duration::from_secs(60), 2);
        let keys = [mix(1), mix(2)];
        let minutes = |key| (0..100).map(move |cycle| schedule.due(key, cycle) / MINUTE);
        assert!(minutes(keys[0]).zip(minutes(keys[1])).any(|(one, other)| one == other));
        assert!(minutes(keys[0]).zip(minutes(keys[1])).any(|(one, other)| one != other), "and it does not stay so");
    }

    #[test]
    fn the_apis_of_one_task_are_spread_over_the_minute() {
        let schedule = Schedule::new(Duration::from_secs(60), 1);
        let mut seconds = [0; 60];
        for api in 0..6_000 {
            seconds[usize::try_from(schedule.due(mix(api), 0) / 1_000).expect("a second")] += 1;
        }
        assert!(seconds.iter().all(|count| (50..150).contains(count)), "{seconds:?}");
    }

    #[test]
    fn each_target_of_an_api_has_its_turn() {
        let schedule = Schedule::new(Duration::from_secs(60), 4);
        let (mut now, mut turns) = (0, Vec::new());
        for _ in 0..6 {
            now = schedule.next(5, now);
            turns.push(schedule.turn(5, now, 3));
        }
        assert_eq!(turns[..3], turns[3..]);
        turns.sort_unstable();
        assert_eq!(turns, [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn what_failed_is_asked_again_in_the_next_interval_and_never_twice_in_one() {
        let schedule = Schedule::new(Duration::from_secs(60), 4);
        let (mut soon, mut in_turn) = (0, 0);
        for key in (0..500).map(mix) {
            let due = schedule.next(key, 29_000_000 * MINUTE);
            let next = schedule.next(key, due);
            assert!(schedule.is_turn(key, due) && schedule.is_turn(key, next) && !schedule.is_turn(key, due + 1));
            match schedule.again(key, due, due) {
                Some(again) => {
                    assert_eq!(again, due + MINUTE);
                    assert!(again / MINUTE < next / MINUTE && !schedule.is_turn(key, again));
                    soon += 1;
                }
                None => {
                    assert_eq!(next, due + MINUTE);
                    in_turn += 1;
                }
            }
            assert_eq!(schedule.again(key, due, due + MINUTE), None, "too late: its turn is next");
        }
        assert!(soon > in_turn && in_turn > 0, "{soon} {in_turn}");
        let alone = Schedule::new(Duration::from_secs(60), 1);
        assert_eq!(alone.again(7, alone.next(7, 0), 0), None, "the next turn is as soon");
    }

    #[test]
    fn a_clock_that_jumps_makes_no_hurry() {
        let schedule = Schedule::new(Duration::from_secs(60), 10);
        for now in [0, 1, u64::MAX / 2_000_000, 29_000_000 * MINUTE] {
            let next = schedule.next(mix(7), now);
            assert!(next > now && next <= now + 2 * schedule.cycle(), "{now} {next}");
        }
    }
}
