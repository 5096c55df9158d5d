//! Every seed, through the same checks that the fuzzer runs: on any toolchain, without a fuzzer.

use std::fs;
use std::path::Path;

use nameplate_promises::ALL;

#[test]
fn every_seed_keeps_every_promise() {
    for (target, check) in ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let seeds: Vec<_> = fs::read_dir(&folder).expect("a folder of seeds").collect();
        assert!(!seeds.is_empty(), "{} has no seed", folder.display());
        for seed in seeds {
            let path = seed.expect("a seed").path();
            // The harness shows what a test printed only where it failed.
            println!("{}", path.display());
            check(&fs::read(&path).expect("a file"));
        }
    }
}
