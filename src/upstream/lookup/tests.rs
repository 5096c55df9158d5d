use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn answers(absence: Absence) -> Answers {
    Answers::new("vpce-1.example.com".into(), &[Family::V4, Family::V6], absence, (5 * SECOND, 60 * SECOND))
}

fn found(addresses: &[&str], ttl: u64) -> Reply {
    let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
    Reply::Addresses(addresses, Duration::from_secs(ttl))
}

fn failed() -> Reply {
    Reply::Failed("was answered SERVFAIL".into())
}

#[track_caller]
fn known(answers: &Answers, want: &[&str]) {
    assert_eq!(answers.addresses().map(|address| address.to_string()).collect::<Vec<_>>(), want);
}

/// Both questions have been answered well, with a TTL of 60 s.
fn both(absence: Absence, now: Instant) -> Answers {
    let mut answers = answers(absence);
    assert_eq!(answers.claim_due(now), [Family::V4, Family::V6]);
    answers.note(Family::V4, found(&["10.0.0.1"], 60), now).expect("an address");
    answers.note(Family::V6, found(&["fd00::1"], 60), now).expect("an address");
    answers
}

#[test]
fn a_failed_a_query_keeps_the_ipv4_addresses_whatever_aaaa_brings() {
    let now = Instant::now();
    for reply in [found(&["fd00::2"], 60), Reply::NoRecords(None), failed()] {
        let mut answers = both(Absence::Fault, now);
        let fault = answers.note(Family::V4, failed(), now).expect_err("a failure");
        assert_eq!(fault.to_string(), "endpoint `vpce-1.example.com`: the A query was answered SERVFAIL");
        let _ = answers.note(Family::V6, reply, now);
        assert!(answers.addresses().any(|address| address.is_ipv4()), "{answers:?}");
        assert!(answers.last_fault().is_some(), "{answers:?}");
    }
}

#[test]
fn an_empty_answer_takes_its_type_away_only_if_the_other_one_has_addresses() {
    let now = Instant::now();
    let mut dual = both(Absence::Fault, now);
    dual.note(Family::V4, Reply::NoRecords(None), now).expect("AAAA has addresses");
    known(&dual, &["fd00::1"]);
    assert_eq!(dual.last_fault(), None);
    // What was taken away does not return when the other question fails.
    dual.note(Family::V6, failed(), now).expect_err("a failure");
    known(&dual, &["fd00::1"]);

    let mut answers = both(Absence::Fault, now);
    answers.note(Family::V6, failed(), now).expect_err("a failure");
    answers.note(Family::V4, Reply::NoRecords(None), now).expect_err("AAAA may have lost them too");
    known(&answers, &["10.0.0.1", "fd00::1"]);
}

#[test]
fn a_name_without_any_record_is_an_error_and_keeps_its_addresses() {
    let now = Instant::now();
    let mut answers = both(Absence::Fault, now);
    answers.note(Family::V4, Reply::NoRecords(None), now).expect("AAAA has addresses");
    let fault = answers.note(Family::V6, Reply::NoRecords(None), now).expect_err("no record");
    assert_eq!(fault.to_string(), "endpoint `vpce-1.example.com`: the name exists and has no A and no AAAA record");
    assert_eq!(answers.last_fault().map(|fault| fault.to_string()), Some(fault.to_string()));
    known(&answers, &["fd00::1"]);
}

#[test]
fn a_name_that_does_not_exist_is_not_one_without_records() {
    let now = Instant::now();
    let mut answers = both(Absence::Fault, now);
    let fault = answers.note(Family::V4, Reply::NoName, now).expect_err("NXDOMAIN").to_string();
    assert!(fault.ends_with("the A query was answered NXDOMAIN: the name does not exist"), "{fault}");
    known(&answers, &["10.0.0.1", "fd00::1"]);
}

#[test]
fn a_zonal_name_of_ours_may_not_exist() {
    let now = Instant::now();
    let mut answers = both(Absence::Answer, now);
    answers.note(Family::V4, failed(), now).expect_err("a failure");
    answers.note(Family::V6, Reply::NoRecords(None), now).expect("an answer");
    known(&answers, &["10.0.0.1"]);
    answers.note(Family::V4, Reply::NoName, now).expect("an answer");
    known(&answers, &[]);
    assert_eq!(answers.last_fault(), None);
}

#[test]
fn an_error_is_new_once_and_its_end_is_told() {
    let now = Instant::now();
    let mut answers = both(Absence::Fault, now);
    let mut fails = |reply| answers.note(Family::V4, reply, now).expect_err("an error").is_new;
    assert_eq!([fails(failed()), fails(failed()), fails(Reply::NoName), fails(failed())], [true, false, true, true]);
    assert!(answers.note(Family::V4, found(&["10.0.0.1"], 60), now).expect("an address"));
    assert!(!answers.note(Family::V4, found(&["10.0.0.1"], 60), now).expect("an address"));
}

#[test]
fn each_question_has_a_due_time_of_its_own() {
    let now = Instant::now();
    let mut answers = answers(Absence::Fault);
    assert_eq!(answers.due_in(now), Duration::ZERO);
    assert_eq!(answers.claim_due(now).len(), 2);
    assert_eq!(answers.claim_due(now), [], "both are asked already");
    answers.note(Family::V4, found(&["10.0.0.1"], 30), now).expect("an address");
    assert_eq!(answers.due_in(now), 5 * SECOND, "AAAA is still waited for");
    answers.note(Family::V6, Reply::NoRecords(None), now).expect("A has an address");
    assert_eq!(answers.due_in(now), 30 * SECOND);
    assert_eq!(answers.claim_due(now + 30 * SECOND), [Family::V4]);
    answers.note(Family::V4, failed(), now + 30 * SECOND).expect_err("a failure");
    assert_eq!(answers.due_in(now + 30 * SECOND), 5 * SECOND);
    assert_eq!(answers.claim_due(now + 60 * SECOND), [Family::V4, Family::V6]);
}

#[test]
fn a_ttl_counts_inside_its_limits() {
    let now = Instant::now();
    for (ttl, want) in [(0, 5), (7, 7), (86_400, 60)] {
        let mut answers = answers(Absence::Fault);
        answers.note(Family::V6, Reply::NoRecords(Some(Duration::from_secs(86_400))), now).expect("A may have some");
        answers.note(Family::V4, found(&["10.0.0.1"], ttl), now).expect("an address");
        assert_eq!(answers.due_in(now), want * SECOND, "{ttl}");
    }
}
