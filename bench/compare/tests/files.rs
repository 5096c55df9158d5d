//! The files that each proxy is given.

use std::path::PathBuf;

use nameplate_core::mapping::compile::compile;
use nameplate_core::settings::Settings;

use crate::mapping::entries;
use crate::peers::{Entry, PEERS, Peer, Place, named, render};

fn place() -> Place {
    Place {
        folder: PathBuf::from("/run/it"),
        plain: "127.83.0.10:8080".parse().unwrap(),
        tls: "127.83.0.10:8443".parse().unwrap(),
        admin: "127.83.0.10:9901".parse().unwrap(),
        origin: ["127.83.0.1:9443".parse().unwrap(), "127.83.0.2:9443".parse().unwrap()],
        dns: "127.0.0.1:53".parse().unwrap(),
        user: "somebody".into(),
        files: 1_000,
    }
}

fn files(peer: &Peer, domains: usize, changed: bool) -> Vec<(&'static str, String)> {
    let entries: Vec<Entry> = entries(domains, changed).collect();
    let files = peer.render(&place(), &entries).unwrap();
    files.into_iter().map(|(file, text)| (file.name, text)).collect()
}

#[test]
fn a_template_is_filled_and_its_comments_stay_behind() {
    let template = "@# Nobody reads this.\nlisten {{plain}}\n@each ,\n{{domain}} {{id}}/{{stage}}\n@end\n";
    let entries: Vec<Entry> = entries(1, true).collect();
    let text = render(template, &place().values(), &entries).unwrap();
    let want =
        "listen 127.83.0.10:8080\nd0.compare.example.com api0000000/v1\n,added.compare.example.com api0000001/v1\n";
    assert_eq!(text, want);
}

#[test]
fn a_name_that_stands_for_nothing_is_a_fault() {
    let fault = render("a {{nothing}}\n", &place().values(), &[]).unwrap_err();
    assert_eq!(fault, "`a {{nothing}}`: there is no value `nothing`");
}

#[test]
fn every_proxy_knows_every_domain_and_a_changed_one_more() {
    for peer in PEERS {
        let all = |changed| files(peer, 3, changed).into_iter().map(|(_, text)| text).collect::<String>();
        let (before, after) = (all(false), all(true));
        for domain in ["d0", "d1", "d2"] {
            assert!(before.contains(&format!("{domain}.compare.example.com")), "{}: {domain}", peer.name);
        }
        assert!(!before.contains("added.") && after.contains("added.compare.example.com"), "{}", peer.name);
        assert!(!before.contains("{{") || peer.name == "caddy", "{}: {before}", peer.name);
    }
}

#[test]
fn what_is_json_is_json() {
    for (name, file) in [("envoy", "envoy.json"), ("envoy", "routes.json"), ("caddy", "caddy.json")] {
        let files = files(named(name).unwrap(), 2, true);
        let (_, text) = files.iter().find(|(known, _)| *known == file).unwrap();
        serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|why| panic!("{file}: {why}\n{text}"));
    }
}

#[test]
fn what_nameplate_is_given_has_no_fault() {
    for name in ["nameplate", "nameplate-log", "nameplate-shared"] {
        let files = files(named(name).unwrap(), 10, true);
        let text = |file: &str| files.iter().find(|(known, _)| *known == file).unwrap().1.clone();
        Settings::parse(&text("nameplate.yaml"), "nameplate.yaml").unwrap().validate().unwrap();
        let table = compile(&text("mapping.yaml"), "mapping.yaml", None).unwrap();
        assert_eq!(table.len(), 11, "{name}");
    }
}
