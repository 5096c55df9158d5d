//! One request's attempts to reach its API, as values. They decide without a clock or a log, and a test needs no
//! connection: what an attempt does to one goes through its [`DeadlineWatch`], which may be absent.
//!
//! **Invariant:** an [`Attempt`] is made anew each time. What one attempt learned reaches the next only
//! through [`Attempts`]: how many there were, and which addresses failed.

use std::time::{Duration, Instant};

use super::deadline::{DeadlineWatch, Deadlines, Late, TimeLimits};
use super::dial::CancelHandle;
use super::pool::Picked;

/// Interim responses (1xx) that an API may send before its response. Real ones send one or two.
const MAX_INTERIM: u32 = 100;

/// All attempts of one request.
#[derive(Default)]
pub(crate) struct Attempts {
    begun: usize,
    failed: Vec<Picked>,
    current: Option<Attempt>,
    /// Bytes of the request's body that the last attempt before the current one was sent.
    sent_before: u64,
    /// A kept connection has died under this request.
    met_dead_connection: bool,
}

impl Attempts {
    /// Begins another attempt, which has no address yet. Whatever the one before still watched ends here.
    pub(crate) fn begin(&mut self) {
        self.sent_before = self.body_bytes();
        self.begun += 1;
        self.current = None;
    }

    /// Gives the attempt that was begun its address.
    pub(crate) fn set_address(&mut self, address: Picked, limits: TimeLimits, now: Instant) {
        if self.failed.iter().any(|failed| failed.socket == address.socket) {
            // Every address has failed once: this is the second round.
            self.failed.clear();
        }
        self.current = Some(Attempt::new(address, limits, now));
    }

    /// How many were begun.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// Reports whether a request that may make `most` attempts has one left.
    pub(crate) fn has_left(&self, most: usize) -> bool {
        self.begun < most
    }

    /// Notes that the current attempt's connection was kept, and dead. Another that is kept may be dead too.
    pub(crate) fn note_dead_connection(&mut self) {
        self.met_dead_connection = true;
    }

    /// Reports whether the attempt that was begun must be on a new connection: it follows a kept one that was dead, or
    /// it is the last of the `most` that there may be. A request that has one attempt alone may use a kept connection,
    /// or none would ever be kept.
    pub(crate) fn needs_new_connection(&self, most: usize) -> bool {
        self.begun > 1 && (self.met_dead_connection || self.begun >= most)
    }

    /// Bytes of the request's body that were read: for the current attempt, or for the last one that had a connection.
    /// What was sent on a connection that was dead is sent once more, and counts once.
    pub(crate) fn body_bytes(&self) -> u64 {
        let sent = self.current.as_ref().filter(|attempt| attempt.is_sent());
        sent.map_or(self.sent_before, |attempt| attempt.body_bytes)
    }

    /// The addresses that failed this request in this round.
    pub(crate) fn failed(&self) -> &[Picked] {
        &self.failed
    }

    /// Notes that the current attempt's address failed, so that the next attempt goes elsewhere.
    pub(crate) fn fail_address(&mut self) {
        self.failed.extend(self.current.as_ref().map(|attempt| Picked::clone(&attempt.address)));
    }

    /// The current attempt, once it has an address.
    pub(crate) fn current(&self) -> Option<&Attempt> {
        self.current.as_ref()
    }

    /// As [`Attempts::current`], to note what happens to it.
    pub(crate) fn current_mut(&mut self) -> Option<&mut Attempt> {
        self.current.as_mut()
    }

    /// The address of the current attempt, else the one that failed last.
    pub(crate) fn address(&self) -> Option<&Picked> {
        self.current.as_ref().map(|attempt| &attempt.address).or(self.failed.last())
    }
}

/// One attempt, from the choice of an address to the end of the response.
pub(crate) struct Attempt {
    /// Where it goes.
    pub(crate) address: Picked,
    limits: TimeLimits,
    /// When it asked for a connection.
    began: Instant,
    /// When the request was handed to a connection, and whether another request had left that one.
    sent: Option<(Instant, bool)>,
    /// What can end its connection.
    connection: Option<CancelHandle>,
    /// The connection ends with the response.
    last: bool,
    /// Ends the connection when something is late that Pingora does not time.
    watch: Option<DeadlineWatch>,
    /// The response has begun.
    answered: bool,
    first_byte: Option<Duration>,
    interim: u32,
    body_bytes: u64,
}

impl Attempt {
    fn new(address: Picked, limits: TimeLimits, began: Instant) -> Attempt {
        Attempt {
            address,
            limits,
            began,
            sent: None,
            connection: None,
            last: false,
            watch: None,
            answered: false,
            first_byte: None,
            interim: 0,
            body_bytes: 0,
        }
    }

    /// When it asked for a connection.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Notes that the request was handed to a connection at `now`; `reused` is one that another request has left.
    pub(crate) fn note_sent(&mut self, reused: bool, watch: Option<DeadlineWatch>, now: Instant) {
        self.sent = Some((now, reused));
        self.watch = watch;
    }

    /// Keeps the handle of its connection.
    pub(crate) fn set_connection(&mut self, connection: Option<CancelHandle>) {
        self.connection = connection;
    }

    /// Ends its connection, so that no other request has it.
    pub(crate) fn cut_connection(&self) {
        self.connection.iter().for_each(CancelHandle::cut);
    }

    /// Ends its connection once the response has ended, which it has if `ended`.
    pub(crate) fn end_connection_after_response(&mut self, ended: bool) {
        self.last = true;
        if ended {
            self.cut_connection();
        }
    }

    /// The deadlines that Pingora does not see to, for a request that began at `started` and is sent at `now`.
    /// `client_wait` is how long each piece of a body may take that Pingora does not time. `None` if there are
    /// none, as for nearly every request.
    pub(crate) fn deadlines(&self, started: Instant, now: Instant, client_wait: Option<Duration>) -> Option<Deadlines> {
        let TimeLimits { total, first_byte, .. } = self.limits;
        let any = total.is_some() || first_byte.is_some() || client_wait.is_some();
        any.then(|| Deadlines {
            total: total.map(|total| started + total),
            api: first_byte.map(|first_byte| now + first_byte),
            client: client_wait.map(|wait| now + wait),
        })
    }

    /// Reports whether connecting had less time than the endpoint's own timeouts give it.
    pub(crate) fn has_short_connect(&self) -> bool {
        self.limits.short_connect
    }

    /// Reports whether the request has been handed to a connection.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Reports whether the connection was one that another request had left.
    pub(crate) fn is_reused(&self) -> bool {
        self.sent.is_some_and(|(_, reused)| reused)
    }

    /// How long the new connection took. `None` while there is none, and for one that was kept.
    pub(crate) fn connect_time(&self) -> Option<Duration> {
        let (sent, reused) = self.sent?;
        (!reused).then(|| sent.saturating_duration_since(self.began))
    }

    /// Counts a piece of the request's body, and returns how many bytes there are by now.
    pub(crate) fn add_body(&mut self, bytes: usize) -> u64 {
        self.body_bytes += bytes as u64;
        self.body_bytes
    }

    /// Moves the deadlines on: a piece of the request's body has come at `now()`, the last one if `ended`, and the
    /// next may take `client_wait`.
    pub(crate) fn note_body(&mut self, ended: bool, client_wait: Duration, now: impl FnOnce() -> Instant) {
        let first_byte = self.limits.first_byte.filter(|_| !self.answered);
        let Some(watch) = &mut self.watch else { return };
        let now = now();
        watch.change(|deadlines| {
            deadlines.client = deadlines.client.filter(|_| !ended).map(|_| now + client_wait);
            // The API cannot answer what it has not been sent.
            deadlines.api = first_byte.map_or(deadlines.api, |first_byte| Some(now + first_byte));
        });
    }

    /// Counts an interim response, and returns whether the API may go on.
    #[must_use]
    pub(crate) fn add_interim(&mut self) -> bool {
        self.interim += 1;
        self.interim <= MAX_INTERIM
    }

    /// Notes that the response began at `now`, and returns how long after the request was sent.
    pub(crate) fn begin_response(&mut self, now: Instant) -> Option<Duration> {
        self.answered = true;
        self.first_byte = self.sent.map(|(sent, _)| now.saturating_duration_since(sent));
        let quiet = self.limits.quiet;
        if let Some(watch) = &mut self.watch {
            watch.change(|deadlines| deadlines.api = quiet.map(|quiet| now + quiet));
        }
        self.first_byte
    }

    /// Reports whether the response has begun.
    pub(crate) fn is_answered(&self) -> bool {
        self.answered
    }

    /// How long after the request was sent its response began.
    pub(crate) fn first_byte(&self) -> Option<Duration> {
        self.first_byte
    }

    /// Moves the deadlines on: a piece of the response has come.
    pub(crate) fn note_response(&mut self, now: impl FnOnce() -> Instant) {
        if let (Some(watch), Some(quiet)) = (&mut self.watch, self.limits.quiet) {
            let next = now() + quiet;
            watch.change(|deadlines| deadlines.api = Some(next));
        }
    }

    /// Ends the watch at the end of the response. `Err` says that it had been cut off before.
    pub(crate) fn end_response(&mut self) -> Result<(), Late> {
        if self.last {
            self.cut_connection();
        }
        self.watch.as_mut().map_or(Ok(()), DeadlineWatch::finish)?;
        // What comes of the request from here on has no deadline of this attempt's.
        self.watch = None;
        Ok(())
    }

    /// Who was too slow, where that ended it.
    pub(crate) fn late(&self) -> Option<Late> {
        self.watch.as_ref().and_then(DeadlineWatch::late)
    }

    /// Reports whether nothing of a response has come, interim ones included, and nobody was too slow.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.answered && self.interim == 0 && self.late().is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::health::EjectionPolicy;
    use super::super::pool::AddressPool;
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn addresses() -> Vec<Picked> {
        let policy = EjectionPolicy { after: 3, cool_down: 5 * S, most: 60 * S };
        let pool = AddressPool::new(policy, S, Instant::now());
        pool.set([1, 2].into_iter().map(|last| SocketAddr::from(([127, 0, 0, last], 443))), |_| false);
        pool.addresses()
    }

    fn begun(limits: TimeLimits, now: Instant) -> Attempts {
        let mut attempts = Attempts::default();
        attempts.begin();
        attempts.set_address(Picked::clone(&addresses()[0]), limits, now);
        attempts
    }

    fn sent(reused: bool) -> Attempt {
        let now = Instant::now();
        let mut attempt = Attempt::new(Picked::clone(&addresses()[0]), TimeLimits::default(), now);
        attempt.note_sent(reused, None, now + S);
        attempt
    }

    #[test]
    fn nothing_of_an_attempt_reaches_the_next_but_that_its_address_failed() {
        let now = Instant::now();
        let limits = TimeLimits { first_byte: Some(S), ..TimeLimits::default() };
        let mut attempts = begun(limits, now);
        let attempt = attempts.current_mut().expect("an attempt");
        attempt.note_sent(true, None, now);
        attempt.add_body(7);
        assert!(attempt.add_interim() && attempt.begin_response(now + S).is_some());
        attempts.fail_address();
        attempts.begin();
        assert!(attempts.current().is_none());
        attempts.set_address(Picked::clone(&addresses()[1]), TimeLimits::default(), now + 2 * S);
        let next = attempts.current_mut().expect("the next");
        assert!(!next.is_sent() && !next.is_reused() && !next.is_answered());
        assert_eq!((next.began(), next.first_byte(), next.add_body(0)), (now + 2 * S, None, 0));
        assert!(next.deadlines(now, now, None).is_none());
        let failed: Vec<_> = attempts.failed().iter().map(|address| address.socket.to_string()).collect();
        assert_eq!((attempts.begun(), failed), (2, vec!["127.0.0.1:443".to_owned()]));
    }

    #[test]
    fn a_body_counts_for_the_last_attempt_that_had_a_connection() {
        let now = Instant::now();
        let mut attempts = begun(TimeLimits::default(), now);
        assert_eq!(attempts.body_bytes(), 0);
        attempts.current_mut().expect("an attempt").note_sent(true, None, now);
        attempts.current_mut().expect("an attempt").add_body(7);
        assert_eq!(attempts.body_bytes(), 7);
        for _ in 0..2 {
            attempts.begin();
            attempts.set_address(Picked::clone(&addresses()[1]), TimeLimits::default(), now);
            assert_eq!(attempts.body_bytes(), 7, "nothing is sent yet");
        }
        attempts.current_mut().expect("an attempt").note_sent(false, None, now);
        assert_eq!(attempts.body_bytes(), 0, "and now from the beginning");
    }

    #[test]
    fn a_request_has_so_many_attempts_and_no_more() {
        let mut attempts = Attempts::default();
        let made = std::iter::from_fn(|| attempts.has_left(3).then(|| attempts.begin())).take(9).count();
        assert_eq!(made, 3);
    }

    #[test]
    fn a_second_round_begins_when_every_address_has_failed() {
        let mut attempts = begun(TimeLimits::default(), Instant::now());
        attempts.fail_address();
        attempts.begin();
        attempts.set_address(Picked::clone(&addresses()[1]), TimeLimits::default(), Instant::now());
        attempts.fail_address();
        assert_eq!(attempts.failed().len(), 2);
        attempts.begin();
        attempts.set_address(Picked::clone(&addresses()[0]), TimeLimits::default(), Instant::now());
        assert!(attempts.failed().is_empty());
    }

    #[test]
    fn the_address_is_the_current_one_else_the_one_that_failed_last() {
        let mut attempts = begun(TimeLimits::default(), Instant::now());
        attempts.fail_address();
        attempts.begin();
        assert_eq!(attempts.address().map(|address| address.socket.to_string()), Some("127.0.0.1:443".into()));
        attempts.set_address(Picked::clone(&addresses()[1]), TimeLimits::default(), Instant::now());
        assert_eq!(attempts.address().map(|address| address.socket.to_string()), Some("127.0.0.2:443".into()));
        assert!(Attempts::default().address().is_none());
    }

    #[test]
    fn only_what_pingora_does_not_time_has_deadlines() {
        let (started, now) = (Instant::now(), Instant::now() + S);
        let none = begun(TimeLimits::default(), now);
        let none = none.current().expect("an attempt");
        assert!(none.deadlines(started, now, None).is_none());
        let client = none.deadlines(started, now, Some(3 * S)).expect("a body that nobody times");
        assert_eq!((client.total, client.api, client.client), (None, None, Some(now + 3 * S)));
        let limits = TimeLimits { total: Some(9 * S), first_byte: Some(2 * S), ..TimeLimits::default() };
        let all = begun(limits, now);
        let all = all.current().expect("an attempt").deadlines(started, now, None).expect("limits");
        // The whole request from its beginning, retries included; the first byte from this attempt's.
        assert_eq!((all.total, all.api, all.client), (Some(started + 9 * S), Some(now + 2 * S), None));
    }

    #[test]
    fn an_interim_response_is_a_response_that_has_begun() {
        assert!(sent(false).is_unanswered() && sent(true).is_unanswered());
        let mut interim = sent(false);
        assert!(interim.add_interim() && !interim.is_unanswered());
        let mut answered = sent(false);
        assert!(answered.begin_response(Instant::now() + S).is_some() && !answered.is_unanswered());
    }

    #[test]
    fn what_follows_a_dead_connection_and_what_is_last_is_on_a_new_one() {
        let new = |most: usize, dead: bool, begun: usize| {
            let mut attempts = Attempts::default();
            (0..begun).for_each(|_| attempts.begin());
            if dead {
                attempts.note_dead_connection();
            }
            attempts.needs_new_connection(most)
        };
        assert_eq!([1, 2, 3].map(|begun| new(3, false, begun)), [false, false, true]);
        assert_eq!([2, 3].map(|begun| new(3, true, begun)), [true, true]);
        assert!(!new(1, false, 1), "an only attempt may use a kept connection");
    }

    #[test]
    fn only_a_new_connection_took_time() {
        assert_eq!((sent(false).connect_time(), sent(true).connect_time()), (Some(S), None));
        assert_eq!(begun(TimeLimits::default(), Instant::now()).current().and_then(Attempt::connect_time), None);
    }

    #[test]
    fn interim_responses_have_an_end() {
        let mut attempt = sent(false);
        assert_eq!((0..1_000).take_while(|_| attempt.add_interim()).count(), 100);
    }
}
