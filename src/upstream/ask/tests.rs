use nameplate_core::domain::api::PrivateApi;
use nameplate_core::domain::base_path::BasePath;
use nameplate_core::domain::host::Host;
use nameplate_core::domain::route::{Choices, Route};
use nameplate_testkit::faulty::Faulty;
use nameplate_testkit::origin::Origin;
use nameplate_testkit::reply::Reply;

use super::question::SafeVerb;
use super::*;
use crate::telemetry::limit::{CpuLimit, LimitSource};
use crate::telemetry::metrics::Metrics;

const SOON: Duration = Duration::from_secs(10);

fn route() -> Route {
    let api = PrivateApi::parse("https://abc.execute-api.eu-west-1.amazonaws.com/prod").expect("an api");
    Route::new(&Host::parse("pay.example.com").expect("a host"), &BasePath::default(), &api, Choices::default(), 1)
}

fn ask_with(mut settings: Settings, addresses: &[SocketAddr], within: Duration) -> Finding {
    let folder = tempfile::tempdir().expect("a folder");
    let ca_file = folder.path().join("ca.pem");
    nameplate_testkit::authority().write_pem(&ca_file).expect("written");
    settings.endpoint.fixed = addresses.to_vec();
    settings.endpoint.ca_file = Some(ca_file);
    let metrics = Arc::new(Metrics::new(CpuLimit::new(1.0, LimitSource::Machine).expect("a limit")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let route = route();
    runtime.block_on(async {
        let endpoints = Endpoints::new(&settings, None, &metrics).expect("endpoints");
        endpoints.refresh_all().await;
        let asker = Asker::new(&settings).expect("an asker");
        let question = Question::new(&route, SafeVerb::Get, "/prod/health", None).expect("a question");
        let finding = asker.ask(&endpoints, 0, &question, 0, within).await.expect("sockets");
        let counts = endpoints.at(0).counts();
        assert_eq!((counts.local, counts.other), ([0, 0], [addresses.len(), 0]), "no address cools down");
        finding
    })
}

fn ask(address: SocketAddr) -> Finding {
    ask_with(Settings::default(), &[address], SOON)
}

fn answered(finding: &Finding) -> &Response {
    match &finding.evidence.outcome {
        Outcome::Answered(response) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_api_that_answers_shows_its_response_and_the_time_of_each_step() {
    let long = "x".repeat(3 * BODY_LIMIT);
    let origin = Origin::start(move |_| {
        let ids = [("x-amzn-RequestId", "1"), ("x-amz-apigw-id", "2"), ("x-amzn-ErrorType", "ForbiddenException")];
        Reply::with_headers(403, &ids, &long)
    });
    let finding = ask(origin.address());
    let response = answered(&finding);
    assert_eq!((response.status, response.error_type.as_deref()), (403, Some("ForbiddenException")));
    assert!(response.has_request_id && response.has_apigw_id && !response.has_trace_id && !response.has_remapped);
    assert_eq!(response.body.len(), BODY_LIMIT);
    assert_eq!((finding.address, finding.is_local), (Some(origin.address()), false));
    let Steps { resolve, connect, tls, first_byte, body } = finding.steps;
    assert!([resolve, connect, tls, first_byte, body].iter().all(Option::is_some), "{:?}", finding.steps);
    assert!(!finding.certificate.is_empty());
    let seen = origin.last_request();
    assert_eq!((seen.method(), seen.target()), ("GET", "/prod/health"));
    assert_eq!((seen.header("x-apigw-api-id"), seen.header("host")), (Some("abc"), seen.sni.as_deref()));
    let credentials = ["authorization", "x-api-key", "cookie", "x-amz-security-token"];
    assert!(!credentials.iter().any(|name| seen.has_name(name)), "{:?}", seen.head);
}

#[test]
fn each_way_to_fail_is_an_outcome() {
    let of = |address| ask(address).evidence.outcome;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    assert_eq!(of(nobody), Outcome::NotConnected(ConnectError::Refused));
    assert_eq!(of(Origin::refusing_tls().address()), Outcome::NotSecured(TlsError::Closed));
    assert_eq!(of(Origin::start(|_| Reply::close()).address()), Outcome::NotAnswered(ResponseError::Closed));
    let garbage = Origin::start(|_| Reply::raw("220 mail.example ESMTP\r\n\r\n"));
    assert_eq!(of(garbage.address()), Outcome::NotAnswered(ResponseError::NotHttp));
    let plain = Faulty::start(|mut peer| {
        peer.read_hello()?;
        peer.write(b"220 mail.example ESMTP\r\n")?;
        peer.wait_until_closed()
    });
    assert_eq!(of(plain.address()), Outcome::NotSecured(TlsError::NotTls));
}

#[test]
fn a_certificate_for_another_name_is_shown() {
    let origin = Origin::with_wrong_name();
    let finding = ask(origin.address());
    assert_eq!(finding.certificate, ["*.execute-api.example.com"]);
    let names = finding.certificate;
    assert_eq!(finding.evidence.outcome, Outcome::NotSecured(TlsError::WrongName { names }));
}

#[test]
fn an_api_that_is_silent_takes_the_time_it_is_given_and_no_more() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address");
    let finding = ask_with(Settings::default(), &[address], Duration::from_millis(100));
    assert_eq!(finding.evidence.outcome, Outcome::NotSecured(TlsError::TimedOut));
    assert!(finding.steps.connect.is_some() && finding.steps.tls.is_none());
}

#[test]
fn every_certificate_that_is_refused_is_a_certificate_error() {
    let read = |why| read_tls_error(&io::Error::other(RustlsError::InvalidCertificate(why)), &[]);
    for why in [
        CertificateError::UnknownIssuer,
        CertificateError::InvalidPurpose,
        CertificateError::BadEncoding,
        CertificateError::UnhandledCriticalExtension,
        CertificateError::ApplicationVerificationFailure,
    ] {
        assert_eq!(read(why.clone()), TlsError::Untrusted, "{why:?}");
    }
    assert_eq!(read(CertificateError::Expired), TlsError::Expired);
    assert_eq!(read(CertificateError::NotValidForName), TlsError::WrongName { names: Vec::new() });
    let general = io::Error::other(RustlsError::General(String::new()));
    assert_eq!(read_tls_error(&general, &[]), TlsError::Other);
}
