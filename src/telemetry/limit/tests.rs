use super::*;
use std::net::TcpListener;

#[test]
fn the_task_limit_comes_first_then_the_quota_then_the_cores() {
    let chosen = |task, quota, cores| {
        let limit = choose(task, quota, cores);
        (limit.cores(), limit.source())
    };
    assert_eq!(chosen(Some(0.25), Some(2.0), 2), (0.25, LimitSource::EcsTask));
    assert_eq!(chosen(None, Some(0.5), 1), (0.5, LimitSource::Cgroup));
    assert_eq!(chosen(None, Some(2.5), 2), (2.5, LimitSource::Cgroup));
    assert_eq!(chosen(None, None, 8), (8.0, LimitSource::Machine));
    // A quota above what the affinity mask or the machine gives is no limit.
    assert_eq!(chosen(None, Some(16.0), 4), (4.0, LimitSource::Machine));
    // What is no limit is passed over.
    assert_eq!(chosen(Some(0.0), Some(1.5), 1), (1.5, LimitSource::Cgroup));
    assert_eq!(chosen(Some(f64::NAN), None, 0), (1.0, LimitSource::Machine));
}

#[test]
fn threads_are_the_cores_rounded_up() {
    let threads = |cores| CpuLimit::new(cores, LimitSource::EcsTask).expect("a limit").threads();
    assert_eq!([0.25, 1.0, 1.5, 16.0].map(threads), [1, 1, 2, 16]);
}

#[test]
fn a_limit_says_where_it_is_from() {
    assert_eq!(choose(Some(0.5), None, 2).to_string(), "0.5 cores (ECS task)");
}

#[test]
fn a_quota_is_read_from_cpu_max() {
    assert_eq!(cpu_max("150000 100000\n"), Some(1.5));
    for text in ["max 100000\n", "", "150000", "x 100000", "150000 0", "-1 100000", "0 100000", "1 2 3"] {
        assert_eq!(cpu_max(text), None, "{text:?}");
    }
}

#[test]
fn the_first_version_says_minus_one_for_no_quota() {
    assert_eq!(ratio("50000\n", "100000\n"), Some(0.5));
    assert_eq!(ratio("-1\n", "100000\n"), None);
}

fn group(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    root
}

#[test]
fn the_smallest_quota_around_us_counts() {
    let root =
        group(&[("a/b/cpu.max", "400000 100000"), ("a/cpu.max", "200000 100000"), ("other/cpu.max", "10000 100000")]);
    assert_eq!(cgroup_quota(root.path(), "0::/a/b\n"), Some(2.0));
    assert_eq!(cgroup_quota(root.path(), "0::/elsewhere\n"), None);
}

#[test]
fn in_a_container_the_root_is_our_group() {
    let root = group(&[("cpu.max", "50000 100000")]);
    assert_eq!(cgroup_quota(root.path(), "0::/\n"), Some(0.5));
    assert_eq!(cgroup_quota(root.path(), "0::/docker/of-the-host\n"), Some(0.5));
}

#[test]
fn the_first_version_is_found_by_its_controller() {
    let root = group(&[("cpu,cpuacct/cpu.cfs_quota_us", "25000"), ("cpu,cpuacct/cpu.cfs_period_us", "100000")]);
    let groups = "9:memory:/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/x\n0::/x\n";
    assert_eq!(cgroup_quota(root.path(), groups), Some(0.25));
}

#[test]
fn what_is_no_cgroup_file_is_no_quota() {
    let root = group(&[]);
    for text in ["", "0", "0:", "0::", "::::", "0::relative", "\u{0}"] {
        assert_eq!(cgroup_quota(root.path(), text), None, "{text:?}");
    }
}

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
fn the_limit_is_read_from_the_task() {
    let json = br#"{"Cluster":"c","TaskARN":"t","Limits":{"CPU":0.25,"Memory":512},"Containers":[]}"#;
    assert_eq!(task_limit(json).ok(), Some(Some(0.25)));
    assert_eq!(task_limit(br#"{"Limits":{"Memory":512}}"#).ok(), Some(None));
    assert_eq!(task_limit(br#"{"Limits":{"CPU":"two"}}"#).ok(), Some(None));
    assert!(task_limit(b"{\"Limits\":{\"CPU\"").is_err());
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
    assert_eq!(ecs_task_limit(&uri, PATIENT).expect("an answer"), Some(2.0));
    assert!(server.join().expect("served").starts_with("GET /v4/abc/task HTTP/1.0\r\nHost: 127.0.0.1:"));
}

#[test]
fn an_answer_other_than_200_is_a_fault() {
    for answer in
        [&b"HTTP/1.1 404 Not Found\r\n\r\n{\"Limits\":{\"CPU\":2}}"[..], b"", b"hello", b"SSH-2.0 200 \r\n\r\n{}"]
    {
        let (uri, _server) = answering(answer);
        assert!(ecs_task_limit(&uri, PATIENT).is_err(), "{answer:?}");
    }
}

#[test]
fn silence_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let uri = format!("http://{}/v4", listener.local_addr().expect("bound"));
    assert!(ecs_task_limit(&uri, Duration::from_millis(20)).is_err());
}
