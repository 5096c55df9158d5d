//! Chromium without a window, driven through chromedriver by the WebDriver protocol (W3C) and, for what
//! that lacks, Chromium's own DevTools protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::{Client, text_of};
use super::output::{Output, STARTING};

/// Where Debian has them, and the variables that say otherwise.
const DRIVER: (&str, &str) = ("CHROMEDRIVER", "/usr/bin/chromedriver");
const CHROMIUM: (&str, &str) = ("CHROMIUM", "/usr/bin/chromium");

/// How long a browser may take for one thing: it may have to start on a machine that does much else.
const BROWSER_PATIENCE: Duration = Duration::from_secs(60);

/// It takes the core that other tests need, so one at a time is enough.
static ONE_AT_A_TIME: OnceLock<Mutex<()>> = OnceLock::new();

/// Nothing but what a test asks for: no first-run pages, and no talk with anybody's servers.
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// A running browser with one page. Dropped, it ends.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    /// Chromium's own process, for a driver that cannot end it any more.
    process: Option<u64>,
    _profile: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    #[track_caller]
    pub fn start() -> Browser {
        Browser::with_preferences(&json!({}))
    }

    /// One whose user has switched scripts off.
    #[track_caller]
    pub fn without_script() -> Browser {
        // 2 is "block".
        Browser::with_preferences(&json!({ "profile.managed_default_content_settings.javascript": 2 }))
    }

    #[track_caller]
    fn with_preferences(preferences: &Value) -> Browser {
        let alone = ONE_AT_A_TIME.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        let profile = tempfile::tempdir().expect("a directory");
        let (driver, address) = start_driver();
        let mut browser =
            Browser { driver, address, session: String::new(), process: None, _profile: profile, _alone: alone };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([folder.as_str()]).collect();
        let wanted = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "binary": program(CHROMIUM), "args": arguments, "prefs": preferences },
        });
        let made = browser.call("POST", "/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        browser.process = made["capabilities"]["goog:processID"].as_u64();
        browser.session = made["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// One command of the driver's; a fault fails the test.
    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_call(method, path, body).unwrap_or_else(|fault| panic!("{method} {path} {body}: {fault}"))
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let headers = [("Content-Type", "application/json"), ("Connection", "close")];
        let text = text_of(method, &self.address.to_string(), path, &headers, body.as_bytes());
        let mut client = Client::try_connect(self.address).map_err(|e| e.to_string())?.patient(BROWSER_PATIENCE);
        client.try_send(text).map_err(|e| e.to_string())?;
        let answer = client.try_read_response(false).map_err(|e| e.to_string())?;
        let value = answer.json()["value"].take();
        if answer.status == 200 { Ok(value) } else { Err(format!("{}: {}", value["error"], value["message"])) }
    }

    #[track_caller]
    fn post(&self, command: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{command}", self.session), body)
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Goes to a page, and waits until it is loaded.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Runs the body of a function in the page; a promise is waited for.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true, and looks again whenever the page changes.
    #[track_caller]
    pub fn wait_until(&self, condition: &str) {
        let script = format!(
            "const is = () => {{ return {condition}; }};
             return new Promise((done) => {{
               if (is()) return done(true);
               const watch = new MutationObserver(() => {{ if (is()) {{ watch.disconnect(); done(true); }} }});
               watch.observe(document, {{ attributes: true, characterData: true, childList: true, subtree: true }});
             }});"
        );
        self.run(&script);
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no element in {found}")).to_owned()
    }

    /// What an element shows, lines and all in one.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let path = format!("/session/{}/element/{}/text", self.session, self.find(selector));
        let shown = self.call("GET", &path, &Value::Null);
        shown.as_str().expect("text").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Clicks on what leads to another page, and waits until that is loaded. A click by itself may be over
    /// before the way there has begun.
    #[track_caller]
    pub fn follow(&self, selector: &str) {
        self.run("window.isBefore = true");
        self.click(selector);
        let path = format!("/session/{}/execute/sync", self.session);
        let script = "return !window.isBefore && document.readyState === 'complete'";
        let give_up = Instant::now() + BROWSER_PATIENCE;
        // Between two pages there is none to ask.
        while self.try_call("POST", &path, &json!({ "script": script, "args": [] })) != Ok(Value::Bool(true)) {
            assert!(Instant::now() < give_up, "{selector} leads nowhere");
        }
    }

    /// Clicks where an element is.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.post(&format!("/element/{}/click", self.find(selector)), &json!({}));
    }

    /// Types into an element, in place of what it has.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }));
    }

    /// The size of what is shown, as on a phone.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// `light` or `dark`, as the user's system would say.
    #[track_caller]
    pub fn prefer_scheme(&self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// What the console has said since it was last asked; breaches of a page's policy among it.
    #[track_caller]
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }));
        let entries = entries.as_array().expect("a list");
        entries.iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The URLs that pages have asked for since this was last asked, but for the browser's own pages.
    #[track_caller]
    pub fn requested(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({ "type": "performance" }));
        let mut urls = Vec::new();
        for entry in entries.as_array().expect("a list") {
            let event: Value = serde_json::from_str(entry["message"].as_str().expect("text")).expect("JSON");
            if event["message"]["method"] == "Network.requestWillBeSent" {
                let url = event["message"]["params"]["request"]["url"].as_str().expect("text");
                urls.push(url.to_owned());
            }
        }
        urls.retain(|url| !url.starts_with("chrome:"));
        urls
    }
}

#[track_caller]
fn program((variable, default): (&str, &str)) -> String {
    let program = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    assert!(Path::new(&program).exists(), "{program} is missing: `make test` installs it and runs the tests");
    program
}

fn start_driver() -> (Child, SocketAddr) {
    let mut driver = Command::new(program(DRIVER))
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver runs");
    let said = Output::of(driver.stdout.take().expect("a pipe"));
    let line = said.wait_for("started successfully on port", 1, STARTING).expect("it says where it listens");
    let port = line.rsplit(' ').next().and_then(|port| port.trim_end_matches('.').parse().ok()).expect("a port");
    (driver, SocketAddr::from(([127, 0, 0, 1], port)))
}

impl Drop for Browser {
    fn drop(&mut self) {
        let ended = self.try_call("DELETE", &format!("/session/{}", self.session), &Value::Null);
        if let (Err(_), Some(process)) = (ended, self.process) {
            let _ = Command::new("kill").arg(process.to_string()).status();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
