//! What a prefix brings, from one fetch to the next, against a bucket in this process.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use object_store::RetryConfig;
use object_store::aws::AmazonS3Builder;
use percent_encoding::percent_decode_str;

use super::super::tls::use_ring;
use super::*;

/// What a bucket has: keys, and their texts.
type Objects = Arc<Mutex<BTreeMap<String, String>>>;

/// A bucket called `maps` that speaks as much of S3's protocol as a listing and a GET need.
struct TestBucket {
    objects: Objects,
    seen: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl TestBucket {
    fn of(objects: &[(&str, &str)]) -> TestBucket {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let bucket = TestBucket { objects: Objects::default(), seen: Arc::default(), url };
        objects.iter().for_each(|(key, text)| bucket.put(key, text));
        let (objects, seen) = (Arc::clone(&bucket.objects), Arc::clone(&bucket.seen));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Some(asked) = client.ok().and_then(|client| respond(client, &objects)) else { return };
                seen.lock().expect("a lock").push(asked);
            }
        });
        bucket
    }

    fn put(&self, key: &str, text: &str) {
        self.objects.lock().expect("a lock").insert(key.into(), text.into());
    }

    fn remove(&self, key: &str) {
        self.objects.lock().expect("a lock").remove(key);
    }

    /// The keys that were fetched since it was asked last.
    fn fetched(&self) -> Vec<String> {
        let mut keys: Vec<String> = std::mem::take(&mut *self.seen.lock().expect("a lock"));
        keys.retain(|key| key != "list");
        keys.sort();
        keys
    }

    fn open(&self, prefix: &str, rules: &ReloadRules) -> S3Prefix {
        use_ring();
        let store = AmazonS3Builder::new()
            .with_bucket_name("maps")
            .with_endpoint(&self.url)
            .with_allow_http(true)
            .with_access_key_id("id")
            .with_secret_access_key("secret")
            .with_retry(RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() })
            .build()
            .expect("a client");
        let source = format!("s3://maps/{prefix}").parse().expect("a source");
        S3Prefix::with(store, &source, "maps", prefix, rules)
    }
}

/// Responds to one request, and returns the key it asked for, or `list`. `None` ends the server.
fn respond(mut client: TcpStream, objects: &Objects) -> Option<String> {
    let mut lines = BufReader::new(client.try_clone().ok()?).lines();
    let request = lines.next()?.ok()?;
    let (is_head, target) = (request.starts_with("HEAD "), request.split(' ').nth(1)?.to_owned());
    lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
    let objects = objects.lock().ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let key = percent_decode_str(path).decode_utf8().ok()?.strip_prefix("/maps")?.trim_start_matches('/').to_owned();
    let (status, etag, body) = match objects.get(&key) {
        _ if key.is_empty() && objects.contains_key("no listing") => {
            let code = &objects["no listing"];
            let status = if code == "AccessDenied" { "403 Forbidden" } else { "404 Not Found" };
            (status, String::new(), format!("<Error><Code>{code}</Code></Error>"))
        }
        _ if key.is_empty() => ("200 OK", String::new(), listing(&objects, query)),
        Some(text) if text == "denied" => ("403 Forbidden", String::new(), String::new()),
        Some(text) => ("200 OK", etag(text), text.clone()),
        None => ("404 Not Found", String::new(), String::new()),
    };
    let (length, body) = (body.len(), if is_head { String::new() } else { body });
    let date = "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT";
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: {etag}\r\n{date}\r\nConnection: close");
    client.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).ok()?;
    Some(if key.is_empty() { "list".into() } else { key })
}

fn etag(text: &str) -> String {
    format!("\"{}\"", nameplate_core::mapping::load::version_of(text.as_bytes()))
}

fn listing(objects: &BTreeMap<String, String>, query: &str) -> String {
    let query: HashMap<&str, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, percent_decode_str(value).decode_utf8_lossy().into_owned()))
        .collect();
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let after = if text("continuation-token").is_empty() { text("start-after") } else { text("continuation-token") };
    let most: usize = text("max-keys").parse().expect("a number");
    let found: Vec<_> = objects.iter().filter(|(key, _)| key.starts_with(&text("prefix")) && **key > after).collect();
    let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult>");
    for (key, text) in found.iter().take(most) {
        let (size, etag) = (text.len(), etag(text).replace('"', "&quot;"));
        xml += &format!("<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag>");
        xml += "<LastModified>2026-01-01T00:00:00Z</LastModified></Contents>";
    }
    if let Some((last, _)) = found.get(most - 1).filter(|_| found.len() > most) {
        xml += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    xml + "</ListBucketResult>"
}

/// Polls, and returns a line for each part: `name: text`, or what else was found.
async fn poll(prefix: &mut S3Prefix) -> String {
    shown(prefix.fetch(FetchMode::IfChanged).await)
}

fn shown(fetched: Result<Fetched, FetchError>) -> String {
    let line = |part: PartRead| match part.found {
        Found::Same => format!("{}: same", part.name),
        Found::Text(text) => format!("{}: `{}`", part.name, String::from_utf8_lossy(&text)),
        Found::Unsettled => format!("{}: unsettled", part.name),
        Found::Failed(error) => format!("{}: failed: {error}", part.name),
    };
    match fetched {
        Ok(Fetched::Parts(parts)) => parts.into_iter().map(line).collect::<Vec<_>>().join("\n"),
        Ok(Fetched::Unchanged) => "unchanged".into(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn only_what_changed_is_fetched() {
    let objects = [("m/b.yaml", "B"), ("m/a/z.json", "Z"), ("m/", ""), ("m/README.md", "-"), ("other.yaml", "-")];
    let bucket = TestBucket::of(&objects);
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    assert_eq!(poll(&mut prefix).await, "a/z.json: `Z`\nb.yaml: `B`");
    assert_eq!(poll(&mut prefix).await, "unchanged");
    assert_eq!(shown(prefix.fetch(FetchMode::Always).await), "a/z.json: same\nb.yaml: same", "somebody asks for it");
    assert_eq!(bucket.fetched(), ["m/a/z.json", "m/b.yaml"]);

    bucket.put("m/b.yaml", "other");
    bucket.put("m/c.yml", "C");
    assert_eq!(poll(&mut prefix).await, "a/z.json: same\nb.yaml: `other`\nc.yml: `C`");
    assert_eq!(bucket.fetched(), ["m/b.yaml", "m/c.yml"]);

    bucket.remove("m/b.yaml");
    assert_eq!(poll(&mut prefix).await, "a/z.json: same\nc.yml: same");
    assert_eq!((poll(&mut prefix).await.as_str(), bucket.fetched().len()), ("unchanged", 0));
}

#[tokio::test]
async fn a_prefix_without_objects_is_a_mapping_without_parts() {
    let bucket = TestBucket::of(&[]);
    let mut prefix = bucket.open("", &ReloadRules::default());
    assert_eq!((poll(&mut prefix).await.as_str(), poll(&mut prefix).await.as_str()), ("", "unchanged"));
    bucket.put("a.yaml", "A");
    assert_eq!(poll(&mut prefix).await, "a.yaml: `A`", "the whole bucket is a prefix too");
}

#[tokio::test]
async fn a_part_that_cannot_be_read_keeps_no_other_from_being_read() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/b.yaml", "denied")]);
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    let seen = poll(&mut prefix).await;
    assert!(seen.starts_with("a.yaml: `A`\nb.yaml: failed: cannot read s3://maps/m/b.yaml: "), "{seen}");
    assert!(
        seen.contains("s3:ListBucket on arn:aws:s3:::maps for the prefix `m/`, s3:GetObject on arn:aws:s3:::maps/m/*"),
        "{seen}"
    );
    bucket.put("m/b.yaml", "B");
    assert_eq!(poll(&mut prefix).await, "a.yaml: same\nb.yaml: `B`");
}

#[tokio::test]
async fn a_listing_that_is_refused_says_what_to_do() {
    for (code, help) in [
        ("AccessDenied", "the task role needs s3:ListBucket on arn:aws:s3:::maps for the prefix `m/`"),
        ("NoSuchBucket", "check the bucket's name"),
    ] {
        let bucket = TestBucket::of(&[("no listing", code)]);
        let error = bucket.open("m/", &ReloadRules::default()).fetch(FetchMode::Always).await.expect_err("refused");
        assert!(error.help.contains(help) && error.cause.contains(code), "{error}");
    }
}

#[tokio::test]
async fn a_key_that_the_client_refuses_hides_no_other() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/x//odd.yaml", "-"), ("m/x/../up.yaml", "-")]);
    for part in 0..2_500 {
        bucket.put(&format!("m/{part:04}.yaml"), "P");
        bucket.put(&format!("m/z{part:04}.md"), "-");
    }
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    let listed = prefix.list().await.expect("a listing");
    assert_eq!((listed.parts.len(), listed.parts.contains_key("a.yaml")), (2_501, true));
    assert_eq!(prefix.passed_over.len(), 2, "{:?}", prefix.passed_over);
    assert!(bucket.seen.lock().expect("a lock").len() < 60, "a bounded number of requests");
}

#[tokio::test]
async fn forty_keys_below_an_empty_segment_cost_no_more_than_one() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/z.yaml", "Z")]);
    (0..40).for_each(|key| bucket.put(&format!("m/x//{key}.yaml"), "-"));
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    assert_eq!(poll(&mut prefix).await, "a.yaml: `A`\nz.yaml: `Z`");
    assert_eq!(prefix.passed_over.len(), 1, "{:?}", prefix.passed_over);
}

#[tokio::test]
async fn a_folder_with_many_odd_keys_is_an_error_of_that_folder() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/x/0.yaml", "X"), ("m/z/z.yaml", "Z")]);
    (0..40).for_each(|key| bucket.put(&format!("m/x/{key}//odd.yaml"), "-"));
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    let seen = poll(&mut prefix).await.replace("\n  ", "; ");
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0] == "a.yaml: `A`" && lines[3] == "z/z.yaml: `Z`", "{lines:?}");
    assert!(lines[1].starts_with("x/: failed: cannot read s3://maps/m/x/: it has too many keys"), "{lines:?}");
}

#[tokio::test]
async fn an_odd_key_behind_the_last_character_ends_the_listing_all_the_same() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/z/z.yaml", "Z")]);
    (0..33).for_each(|key| bucket.put(&format!("m/x/{key}//odd.yaml"), "-"));
    for key in ["\u{10ffff}//x", "\u{10ffff}//y", "\u{10ffff}\u{10ffff}//x"] {
        bucket.put(&format!("m/x/{key}"), "-");
    }
    let mut prefix = bucket.open("m/", &ReloadRules::default());
    let listed = prefix.list().await.expect("a listing");
    assert_eq!((listed.parts.len(), &listed.unreadable[..]), (2, &["x/".to_owned()][..]));
    let requests = bucket.seen.lock().expect("a lock").len();
    assert!(requests < 500, "{requests} requests");
}

#[tokio::test]
async fn the_owners_take_no_place_of_a_part_once_they_are_known() {
    let bucket = TestBucket::of(&[("a.yaml", "A"), ("owners.yaml", "OWNERS: []")]);
    let mut prefix = bucket.open("", &ReloadRules { max_parts: 2, ..ReloadRules::default() });
    poll(&mut prefix).await;
    bucket.put("b.yaml", "B");
    assert_eq!(poll(&mut prefix).await, "a.yaml: same\nb.yaml: `B`\nowners.yaml: same");
}

#[tokio::test]
async fn a_key_that_ends_in_a_slash_takes_nothing_from_the_part_of_the_same_name() {
    let bucket = TestBucket::of(&[("m/a.yaml", "A"), ("m/b.yaml/", "marker")]);
    let mut prefix = bucket.open("m/", &ReloadRules { max_bytes: 100, ..ReloadRules::default() });
    assert_eq!(poll(&mut prefix).await, "a.yaml: `A`");
    bucket.put("m/a.yaml/", &"large".repeat(300_000));
    assert_eq!(poll(&mut prefix).await, "unchanged");
    bucket.put("m/a.yaml", "other");
    assert_eq!(poll(&mut prefix).await, "a.yaml: `other`");

    let whole = TestBucket::of(&[("/a.yaml", "odd"), ("a.yaml", "A"), ("/b.yaml", "odd")]);
    let mut prefix = whole.open("", &ReloadRules::default());
    assert_eq!(poll(&mut prefix).await, "a.yaml: `A`");
    whole.put("a.yaml", "other");
    assert_eq!(poll(&mut prefix).await, "a.yaml: `other`");
}

#[tokio::test]
async fn the_limits_name_the_part_that_breaks_them() {
    let bucket = TestBucket::of(&[("a.yaml", "four"), ("c.yaml", "four")]);
    let mut prefix = bucket.open("", &ReloadRules { max_bytes: 10, max_parts: 3, ..ReloadRules::default() });
    poll(&mut prefix).await;
    bucket.put("a.yaml", "nine byte");
    bucket.put("b.yaml", "2b");
    bucket.put("d.yaml", "ddd");
    let lines = poll(&mut prefix).await.replace("\n  ", "; ");
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("a.yaml: failed: cannot read s3://maps/a.yaml: with its 9 bytes"), "{lines:?}");
    assert_eq!(lines[1..3], ["b.yaml: `2b`", "c.yaml: same"]);
    assert!(lines[3].contains("the mapping has more parts than the 3 of `max_parts`"), "{lines:?}");
    for name in 0..1_001 {
        bucket.put(&format!("notes/{name}.md"), "");
    }
    let error = poll(&mut prefix).await;
    assert!(error.contains("it has more than 1000 names"), "{error}");
}

#[tokio::test]
async fn a_reading_that_is_given_up_brings_the_next_one_further() {
    let bucket = TestBucket::of(&[("a.yaml", "A"), ("b.yaml", "B")]);
    let mut prefix = bucket.open("", &ReloadRules::default());
    let listed = prefix.list().await.expect("a listing");
    // As far as a reading had come when its time was over.
    prefix.fetch_parts(vec![("a.yaml".into(), listed.parts["a.yaml"].clone())]).await;
    assert_eq!(poll(&mut prefix).await, "a.yaml: `A`\nb.yaml: `B`");
    assert_eq!(bucket.fetched(), ["a.yaml", "b.yaml"], "each is fetched once");
    assert!(prefix.arrived.is_empty(), "nothing is kept of what was delivered");
}
