use super::*;
use std::net::TcpListener;

#[test]
fn a_metadata_address_is_taken_apart() {
    let parts = |uri| split(uri).map(|(address, _, path)| (address.to_string(), path));
    assert_eq!(parts("http://169.254.170.2/v4/x/task"), Some(("169.254.170.2:80".into(), "/v4/x/task")));
    assert_eq!(parts("http://127.0.0.1:51678/v4"), Some(("127.0.0.1:51678".into(), "/v4")));
    assert_eq!(parts("http://[fd00:ec2::2]/v4"), Some(("[fd00:ec2::2]:80".into(), "/v4")));
    for uri in ["", "https://169.254.170.2/v4", "http://metadata.example/v4", "http://169.254.170.2", "http:///v4"] {
        assert_eq!(parts(uri), None, "{uri:?}");
    }
}

#[test]
fn limit_and_zone_are_read_from_the_task() {
    let json = br#"{"TaskARN":"t","Limits":{"CPU":0.25,"Memory":512},"AvailabilityZone":"eu-west-1a","Containers":[]}"#;
    let zone = Some("eu-west-1a".into());
    assert_eq!(task(json).ok(), Some(Task { cores: Some(0.25), memory: Some(512 << 20), zone, service: None }));
    assert_eq!(task(br#"{"Limits":{"Memory":"512"}}"#).ok(), Some(Task::default()));
    assert_eq!(task(br#"{"Limits":{"CPU":"two"},"AvailabilityZone":1}"#).ok(), Some(Task::default()));
    assert!(task(b"{\"Limits\":{\"CPU\"").is_err());
}

#[test]
fn the_service_is_called_by_its_name_or_by_its_family() {
    let service = |json: &str| task(json.as_bytes()).expect("a task").service;
    assert_eq!(service(r#"{"Family":"edge-task","ServiceName":"edge"}"#).as_deref(), Some("edge"));
    assert_eq!(service(r#"{"Family":"edge-task"}"#).as_deref(), Some("edge-task"));
}

/// Answers one connection with these bytes and hangs up; gives back the request.
fn answering(answer: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/v4/abc", listener.local_addr().expect("bound"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            request.push(byte[0]);
        }
        stream.write_all(answer).expect("taken");
        String::from_utf8(request).expect("text")
    });
    (uri, server)
}

const PATIENT: Duration = Duration::from_secs(60);

#[test]
fn the_task_is_asked_over_http() {
    let (uri, server) = answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"Limits\":{\"CPU\":2}}",
    );
    assert_eq!(ask(&uri, PATIENT).expect("an answer").cores, Some(2.0));
    assert!(server.join().expect("served").starts_with("GET /v4/abc/task HTTP/1.0\r\nHost: 127.0.0.1:"));
}

#[test]
fn an_answer_other_than_200_is_a_fault() {
    for answer in
        [&b"HTTP/1.1 404 Not Found\r\n\r\n{\"Limits\":{\"CPU\":2}}"[..], b"", b"hello", b"SSH-2.0 200 \r\n\r\n{}"]
    {
        let (uri, _server) = answering(answer);
        assert!(ask(&uri, PATIENT).is_err(), "{answer:?}");
    }
}

#[test]
fn silence_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/v4", listener.local_addr().expect("bound"));
    assert!(ask(&uri, Duration::from_millis(20)).is_err());
}
