//! The resource policies in a plan.

use super::*;
use crate::warning::About;

/// An API for each number: so many paths of it are mapped, each with all verbs.
fn table_of_paths(paths: &[usize]) -> MappingTable {
    let mut drafts = Drafts::default();
    for (api, paths) in paths.iter().enumerate() {
        for path in 0..*paths {
            let url = format!("https://api{api}.execute-api.eu-west-1.amazonaws.com/p/a/rather/long/path/{path:03}");
            let host = Host::parse(&format!("d{api}.in.example.com")).expect("a host");
            let api = PrivateApi::parse(&url).expect("an api");
            drafts.push(
                &host,
                &BasePath::parse(&format!("/{path}")).expect("a base path"),
                &api,
                Choices::default(),
                1,
            );
        }
    }
    MappingTable::new(drafts.finish())
}

#[test]
fn each_api_has_one_with_a_place_for_the_ids() {
    let plan = plan(&table_of_paths(&[2, 1]), VERSION, &Options::default(), None).expect("a plan");
    let apis: Vec<_> = plan.resource_policies.iter().map(|policy| &*policy.api_id).collect();
    assert_eq!(apis, ["api0", "api1"]);
    for policy in &plan.resource_policies {
        assert_eq!(policy.policy.matches("VPC_ENDPOINT_ID").count(), 1, "{}", policy.policy);
    }
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn one_that_does_not_fit_is_left_out_and_said() {
    let plan = plan(&table_of_paths(&[1, 100]), VERSION, &Options::default(), None).expect("a plan all the same");
    let apis: Vec<_> = plan.resource_policies.iter().map(|policy| &*policy.api_id).collect();
    assert_eq!(apis, ["api0"]);
    let [warning] = &plan.warnings[..] else { panic!("{:?}", plan.warnings) };
    assert_eq!((warning.about, &*warning.name), (About::ResourcePolicy, "api1"));
    assert!(warning.what.contains("for 100 paths it would have"), "{}", warning.what);
    assert!(warning.what.ends_with("and 8192 are the most"), "{}", warning.what);
    assert!(warning.help.contains("--api-id api1 --fold"), "{}", warning.help);
}
