//! The processes that serve on this host, and where the admin listener of one of them is.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::cli::settings::SettingsPlace;

/// The processes that serve and act on signals. A signal to any other would end it.
pub(super) fn servers(proc: &Path) -> Vec<i32> {
    let pids = std::fs::read_dir(proc).into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut servers: Vec<i32> = pids.filter(|pid| serves(&proc.join(pid.to_string()))).collect();
    servers.sort_unstable();
    servers
}

fn serves(process: &Path) -> bool {
    let words = words(process, "cmdline");
    let program = words.first().map(Vec::as_slice).unwrap_or_default();
    let program = program.rsplit(|b| *b == b'/').next().unwrap_or_default();
    program == b"nameplate" && matches!(words.get(1).map(Vec::as_slice), Some(b"serve" | b"demo"))
}

/// Where a process has its admin listener, by its command line, its environment and its settings.
pub(super) fn admin_of(process: &Path) -> anyhow::Result<SocketAddr> {
    let said = |flag: &str, short: Option<&str>, variable: &str| {
        option(process, flag, short).or_else(|| environment(process, variable))
    };
    if let Some(admin) = said("--admin", None, "NAMEPLATE_ADMIN") {
        return Ok(admin.to_string_lossy().parse()?);
    }
    // A relative path is relative to where the process runs.
    let folder = std::fs::read_link(process.join("cwd")).unwrap_or_default();
    let config = said("--config", Some("-c"), "NAMEPLATE_CONFIG").map(|file| folder.join(PathBuf::from(file)));
    let settings = said("--settings", None, "NAMEPLATE_SETTINGS").map(|text| text.to_string_lossy().into_owned());
    Ok(SettingsPlace::at(config, settings).read()?.admin)
}

/// The value of an option on the command line of a process: `--flag VALUE`, `--flag=VALUE`, and for one with a short form
/// `-f VALUE`, `-fVALUE` and `-f=VALUE`.
fn option(process: &Path, flag: &str, short: Option<&str>) -> Option<OsString> {
    let words = words(process, "cmdline");
    let mut words = words.into_iter();
    let long = |word: &[u8]| match word.strip_prefix(flag.as_bytes())? {
        [] => Some(None),
        [b'=', value @ ..] => Some(Some(value.to_vec())),
        _ => None,
    };
    let short = |word: &[u8]| match word.strip_prefix(short?.as_bytes())? {
        [] => Some(None),
        [b'=', value @ ..] => Some(Some(value.to_vec())),
        value => Some(Some(value.to_vec())),
    };
    words.find_map(|word| long(&word).or_else(|| short(&word)))?.or_else(|| words.next()).map(OsString::from_vec)
}

/// A variable of the environment of a process; an empty one is none.
fn environment(process: &Path, name: &str) -> Option<OsString> {
    let value = |line: Vec<u8>| Some(line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec());
    let value = words(process, "environ").into_iter().find_map(value)?;
    (!value.is_empty()).then(|| OsString::from_vec(value))
}

fn words(process: &Path, file: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read(process.join(file)).unwrap_or_default();
    text.strip_suffix(b"\0").unwrap_or(&text).split(|b| *b == 0).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_serves_is_told() {
        let proc = tempfile::tempdir().expect("a folder");
        for (pid, line) in [
            ("1", "/usr/local/bin/nameplate\0serve\0--config\0x\0"),
            ("7", "nameplate\0reload\0"),
            ("8", "sh\0-c\0nameplate serve\0"),
            ("9", "nameplate\0demo\0"),
            ("10", ""),
            ("self", "nameplate\0serve\0"),
        ] {
            std::fs::create_dir(proc.path().join(pid)).expect("a folder");
            std::fs::write(proc.path().join(pid).join("cmdline"), line).expect("written");
        }
        assert_eq!(servers(proc.path()), [1, 9]);
        assert!(servers(Path::new("/does/not/exist")).is_empty());
    }

    #[track_caller]
    fn admin(line: &str, environ: &str, want: &str) {
        let process = tempfile::tempdir().expect("a folder");
        let path = |name: &str| process.path().join(name);
        std::fs::write(path("cmdline"), line).expect("written");
        std::fs::write(path("environ"), environ).expect("written");
        std::fs::create_dir(path("work")).expect("a folder");
        std::fs::write(path("work/nameplate.yaml"), "admin: 127.0.0.1:7000\n").expect("written");
        std::os::unix::fs::symlink(path("work"), path("cwd")).expect("a link");
        assert_eq!(admin_of(process.path()).expect("an address").to_string(), want, "{line:?} {environ:?}");
    }

    #[test]
    fn the_admin_listener_is_where_the_process_was_told() {
        admin("nameplate\0serve\0", "", "127.0.0.1:9901");
        admin("nameplate\0serve\0--admin\x000.0.0.0:7001\0", "NAMEPLATE_ADMIN=127.0.0.1:7002\0", "0.0.0.0:7001");
        admin("nameplate\0serve\0--admin=127.0.0.1:7001\0--config\0nameplate.yaml\0", "", "127.0.0.1:7001");
        admin("nameplate\0serve\0--config\0nameplate.yaml\0", "A=b\0NAMEPLATE_ADMIN=\0", "127.0.0.1:7000");
        for short in ["-c\0nameplate.yaml", "-cnameplate.yaml", "-c=nameplate.yaml"] {
            admin(&format!("nameplate\0serve\0{short}\0"), "", "127.0.0.1:7000");
        }
        admin("nameplate\0serve\0", "NAMEPLATE_CONFIG=nameplate.yaml\0", "127.0.0.1:7000");
        admin("nameplate\0serve\0", "NAMEPLATE_SETTINGS={admin: 127.0.0.1:7003}\0", "127.0.0.1:7003");
    }
}
