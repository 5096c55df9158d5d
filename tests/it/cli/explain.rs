//! `nameplate explain` as it is run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use super::folder::Folder;
use super::stories::hold;

#[test]
fn every_verdict_is_as_its_file_tells() {
    hold("explain", 6);
}

/// A URL on the command line need not be text.
#[test]
fn a_url_is_bytes() {
    let folder = Folder::with(
        "APIS:\n  - CUSTOM_DOMAIN_URL: a.example.com\n    \
         PRIVATE_API_URL: https://abc123.execute-api.eu-west-1.amazonaws.com/prod\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_nameplate"));
    command.env_clear().arg("explain").arg("--mapping").arg(folder.path("mapping.yaml")).arg("GET");
    let output = command.arg(OsStr::from_bytes(b"a.example.com/?q=\xff")).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let want = "refused: 400 malformed_target (The request target is malformed)\n  over HTTP/2        the connection ends: \
                PROTOCOL_ERROR\n  help: Percent-encode 0xff in the query: send `%FF`.\n";
    assert_eq!(text, want);
}
