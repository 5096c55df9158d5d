//! "docs.rs outage postmortem", Pietro Albini for the Rust infrastructure team, 24 October 2019,
//! <https://blog.rust-lang.org/inside-rust/2019/10/24/docsrs-outage-postmortem.html>.
//!
//! A folder of temporary files that nobody emptied filled the disk of docs.rs, and the site went down with it. Builds of
//! documentation, which write to that disk, had failed for a day before anybody looked.
//!
//! Here the disk under the cache of the mapping is full. The guard: a mapping becomes active first and is cached then, and
//! the cache is written beside its place and renamed, so that a write that fails leaves the one before; it is tried again
//! after each reading.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::harness::PATIENCE;
use crate::harness::origin::Origin;
use crate::harness::server::{Server, mapping, server};
use crate::harness::web::{Page, Web};

/// What is mounted at the cache's folder: 16 pages of memory.
const SIZE: usize = 64 * 1024;
const BULK: usize = 150;
const NOT_CACHED: &str = "the mapping is not cached: ";

/// A server whose cache is on a disk of its own, if this user may mount one where nobody else sees it.
struct SmallDisk {
    server: Server,
    /// The cache's folder, by a path that this process reaches.
    folder: PathBuf,
    is_mounted: bool,
}

impl SmallDisk {
    fn start(api: &Origin, web: &Web) -> SmallDisk {
        let is_mounted = in_own_mounts("mount -t tmpfs none /mnt").status().is_ok_and(|status| status.success());
        let builder = server(api);
        let folder = builder.path("disk/cache");
        let disk = builder.path("disk");
        fs::create_dir(&disk).expect("a folder");
        let settings = format!("mapping: {}\nreload: {{ poll: 60m, cache: '{}' }}\n", web.url("/m"), folder.display());
        let builder = builder.settings(&settings);
        if !is_mounted {
            return SmallDisk { server: builder.start(), folder, is_mounted };
        }
        let mount = format!("mount -t tmpfs -o size={SIZE} none {} && exec \"$@\"", disk.display());
        let server = builder.start_under(in_own_mounts(&mount));
        server.wait_for("admin pages on");
        let seen_by_it = PathBuf::from(format!("/proc/{}/root{}", server.pid(), folder.display()));
        SmallDisk { server, folder: seen_by_it, is_mounted }
    }

    /// The one file of the cache, once there is one.
    #[track_caller]
    fn cached(&self) -> PathBuf {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let mut files = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
            if let Some(file) = files.find(|path| path.extension().is_some_and(|end| end == "cache")) {
                return file;
            }
            assert!(Instant::now() < give_up, "nothing is cached");
        }
    }

    /// Leaves no room for another byte. Without a disk of its own, puts a file in the folder's place.
    fn fill(&self) {
        if self.is_mounted {
            let full = fs::write(self.folder.join("filler"), vec![b'#'; 2 * SIZE]);
            assert!(full.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull));
        } else {
            fs::rename(&self.folder, self.folder.with_extension("aside")).expect("moved");
            fs::write(&self.folder, "").expect("written");
        }
    }

    fn free(&self) {
        if self.is_mounted {
            fs::remove_file(self.folder.join("filler")).expect("removed");
        } else {
            fs::remove_file(&self.folder).expect("removed");
            fs::rename(self.folder.with_extension("aside"), &self.folder).expect("moved");
        }
    }
}

/// Runs a script in a mount namespace, as its own root; its arguments are the words behind.
fn in_own_mounts(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command
}

/// A start while the source is away, from a copy of this folder.
fn restarted_from(api: &Origin, web: &Web, folder: &Path) -> Server {
    web.answers(Page::status(503, "away"));
    let builder = server(api);
    let copy = builder.path("copy");
    fs::create_dir(&copy).expect("a folder");
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().extension().is_some_and(|end| end == "cache") {
            fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
        }
    }
    let settings = format!("mapping: {}\nreload: {{ poll: 60m, cache: '{}' }}\n", web.url("/m"), copy.display());
    let server = builder.settings(&settings).start();
    server.wait_for("are in force from ");
    server
}

#[test]
fn a_full_disk_under_the_cache_holds_up_no_change() {
    let (one, two) = ("one.example.com", "two.example.com");
    // Of several pages, so that the place of the one before has no room for the next one.
    let bulk: Vec<_> = (0..BULK).map(|n| format!("bulk{n}.example.com")).collect();
    let of = |names: &[&str]| {
        let bulk = bulk.iter().filter(|_| names.len() > 1).map(String::as_str);
        mapping(&names.iter().copied().chain(bulk).map(|name| (name, "/prod")).collect::<Vec<_>>())
    };
    let (api, web) = (Origin::ok(), Web::start(Page::text(&of(&[one]))));
    let disk = SmallDisk::start(&api, &web);
    let before = fs::read(disk.cached()).expect("the cached mapping");

    disk.fill();
    web.answers(Page::text(&of(&[one, two])));
    disk.server.signal("-HUP");
    disk.server.wait_for(&format!("mapping reloaded: {} entries", BULK + 2));
    let said = disk.server.wait_for(NOT_CACHED);
    assert!(said.contains("No space left on device") || !disk.is_mounted, "{said}");
    assert_eq!((disk.server.get(one), disk.server.get(two)), (200, 200));
    assert_eq!(disk.server.admin().get("/readyz").status, 200);
    if disk.is_mounted {
        assert!(fs::read(disk.cached()).expect("the cached mapping") == before, "the one before is not whole");
        let restarted = restarted_from(&api, &web, &disk.folder);
        assert_eq!((restarted.get(one), restarted.get(two)), (200, 421));
    }

    // Whoever makes room need not change the mapping for it.
    disk.free();
    web.answers(Page::text(&of(&[one, two])));
    disk.server.signal("-HUP");
    disk.server.wait_for("the mapping is cached again: ");
    assert_eq!(disk.server.times_said(NOT_CACHED), 1);
    let restarted = restarted_from(&api, &web, &disk.folder);
    assert_eq!((restarted.get(one), restarted.get(two)), (200, 200));
}
