use super::*;

const POLICY: EjectionPolicy =
    EjectionPolicy { after: 2, cool_down: Duration::from_secs(5), most: Duration::from_secs(60) };

fn socket(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A pool of these ports, of which those under 10 are in our zone.
fn pool(ports: &[u16]) -> (AddressPool, Instant) {
    let began = Instant::now();
    let pool = AddressPool::new(POLICY, Duration::from_secs(3), began);
    set(&pool, ports);
    (pool, began)
}

fn set(pool: &AddressPool, ports: &[u16]) {
    pool.set(ports.iter().copied().map(socket), |address| address.port() < 10);
}

fn picks(pool: &AddressPool, now: Instant, count: usize) -> Vec<u16> {
    (0..count).map(|_| pool.pick(&[], now).expect("an address").socket.port()).collect()
}

fn eject(pool: &AddressPool, port: u16, now: Instant) {
    let found = pool.addresses().into_iter().find(|address| address.socket.port() == port).expect("in use");
    assert!(!pool.failed(&found, now) && pool.failed(&found, now), "the second failure ejects");
}

#[test]
fn addresses_take_turns() {
    let (pool, now) = pool(&[11, 12]);
    let picked = picks(&pool, now, 4);
    assert!(picked == [11, 12, 11, 12] || picked == [12, 11, 12, 11], "{picked:?}");
}

#[test]
fn an_address_that_failed_the_request_is_passed_over() {
    let (pool, now) = pool(&[11, 12]);
    let failed: Vec<_> = pool.addresses().into_iter().filter(|address| address.socket.port() == 11).collect();
    for _ in 0..4 {
        assert_eq!(pool.pick(&failed, now).map(|a| a.socket.port()), Some(12));
    }
    assert!(pool.pick(&pool.addresses(), now).is_none());
}

#[test]
fn another_attempt_takes_no_turn() {
    let (pool, now) = pool(&[11, 12]);
    let first = pool.pick(&[], now).expect("an address");
    let second = pool.pick(std::slice::from_ref(&first), now).expect("the other one");
    assert_eq!(pool.pick(&[], now).map(|a| a.socket), Some(second.socket));
}

#[test]
fn our_zone_comes_first_and_others_take_over() {
    let (pool, now) = pool(&[11, 1, 12]);
    assert_eq!(picks(&pool, now, 3), [1, 1, 1]);
    eject(&pool, 1, now);
    let mut others = picks(&pool, now, 4);
    others.sort_unstable();
    assert_eq!(others, [11, 11, 12, 12]);
    assert_eq!(pool.counts(), AddressCounts { local: [0, 1], other: [2, 0] });
}

#[test]
fn after_its_cool_down_one_request_tries_an_address_and_a_success_brings_it_back() {
    let (pool, now) = pool(&[1, 11]);
    eject(&pool, 1, now);
    let later = now + Duration::from_secs(6);
    assert_eq!(picks(&pool, later, 3), [1, 11, 11]);
    let tried = pool.addresses().remove(0);
    assert!(pool.worked(&tried));
    assert_eq!(picks(&pool, later, 2), [1, 1]);
}

#[test]
fn all_ejected_is_as_good_as_none() {
    let (pool, now) = pool(&[11, 12]);
    eject(&pool, 11, now);
    eject(&pool, 12, now);
    let mut picked = picks(&pool, now, 4);
    picked.sort_unstable();
    assert_eq!(picked, [11, 11, 12, 12]);
}

#[test]
fn what_is_known_of_an_address_outlives_an_answer_that_still_has_it() {
    let (pool, now) = pool(&[11, 12]);
    eject(&pool, 11, now);
    set(&pool, &[11, 13]);
    assert_eq!(pool.counts(), AddressCounts { local: [0, 0], other: [1, 1] });
    set(&pool, &[12, 13]);
    set(&pool, &[11, 12]);
    assert_eq!(pool.counts().other, [2, 0], "it was gone in between");
}

#[test]
fn an_empty_pool_has_nothing_to_pick() {
    let (pool, now) = pool(&[]);
    assert!(pool.is_empty() && pool.pick(&[], now).is_none());
}

#[test]
fn an_address_that_cools_down_says_since_and_until_when() {
    let (pool, now) = pool(&[11]);
    let address = pool.addresses().remove(0);
    assert_eq!(pool.cooling(&address), None);
    let later = now + Duration::from_secs(7);
    eject(&pool, 11, later);
    assert_eq!(pool.cooling(&address), Some(Cooling { since: later, until: later + POLICY.cool_down }));
}
