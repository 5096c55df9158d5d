//! "Summary of the December 24, 2012 Amazon ELB Service Event in the US-East Region", Amazon Web Services, December 2012,
//! <https://aws.amazon.com/message/680587/>.
//!
//! A maintenance process was run against production by mistake, and deleted a part of the data that says which load
//! balancer sends requests where. Load balancers served on until something changed them; then they were configured from
//! what was missing.
//!
//! Here a generated mapping comes out with most of its entries gone. The guard: `reload.max_removed` holds a change that
//! removes more than half of the domains until somebody consents, and the active mapping serves on.

use crate::harness::origin::Origin;
use crate::harness::server::{mapping, server};
use crate::harness::web::{Page, Web};

const SEED: u64 = 20_121_224;
const DOMAINS: usize = 200;
const HELD: &str = "nameplate_mapping_trouble{reason=\"held\"}";
const GENERATION: &str = "nameplate_mapping_generation";

fn of(names: &[String]) -> String {
    mapping(&names.iter().map(|name| (name.as_str(), "/prod")).collect::<Vec<_>>())
}

#[test]
fn a_mapping_that_lost_most_of_its_entries_by_mistake_is_held() {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut names: Vec<_> = (0..DOMAINS).map(|n| format!("d{n}.example.com")).collect();
    let whole = of(&names);
    random.shuffle(&mut names);
    // From just over the half to nearly all of them.
    let remaining = [DOMAINS / 2 - 1, random.usize(2..DOMAINS / 2), 1];

    let (api, web) = (Origin::ok(), Web::start(Page::text(&whole)));
    let settings = format!("mapping: {}\nreload: {{ poll: 60m, cache: '' }}\n", web.url("/m"));
    let server = server(&api).settings(&settings).start();
    let admin = server.admin();
    for (time, remaining) in remaining.into_iter().enumerate() {
        web.answers(Page::text(&of(&names[..remaining])));
        server.signal("-HUP");
        server.wait_for_times(&format!("removes {} of {DOMAINS} domains", DOMAINS - remaining), 1);
        admin.wait_for_metric(HELD, 1.0);
        assert_eq!((admin.metric(GENERATION), admin.reloads("held")), (1.0, time as f64 + 1.0), "seed {SEED}");
        for name in random.choose_multiple(&names, 8) {
            assert_eq!(server.get(name), 200, "{name}, {remaining} remaining, seed {SEED}");
        }
        assert_eq!(admin.get("/readyz").status, 200);
    }

    // Nothing at all is not even held: it is an error.
    web.answers(Page::text("APIS: []\n"));
    server.signal("-HUP");
    server.wait_for_times("the mapping in force is unchanged", 4);
    assert_eq!((admin.metric(GENERATION), server.get(&names[0])), (1.0, 200), "seed {SEED}");

    // Whoever made the mistake repairs it, and needs nobody's consent for that.
    names.push("new.example.com".to_owned());
    web.answers(Page::text(&of(&names)));
    server.signal("-HUP");
    admin.wait_for_metric(GENERATION, 2.0);
    assert_eq!((server.get("new.example.com"), admin.metric(HELD)), (200, 0.0));
}
