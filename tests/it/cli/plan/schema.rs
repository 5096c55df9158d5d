//! `docs/plan.schema.json`: every plan is as it says, and it says all that there is.

use std::fs;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use super::{Folder, mapping, repository};

fn schema() -> Value {
    let text = fs::read_to_string(repository("docs/plan.schema.json")).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// What is wrong with a plan by the schema.
fn faults(plan: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("plan.json", schema()).expect("a resource");
    let index = compiler.compile("plan.json", &mut schemas).expect("a schema");
    schemas.validate(plan, index).err().map(|fault| format!("{fault:#}"))
}

/// One with something in every list that has something yet.
fn rich() -> Value {
    let hosts = ["a.in.example.com", "a.team.in.example.com", "pay.example.com", "*.example.org", "a.eu.orders.corp"];
    let text = mapping(hosts).replace("com/prod\n", "com/prod\n    ENDPOINT: shared\n");
    let words = "@mapping.yaml --own example.net --validation-zone in.example.com --elb ALB --quota hosted-zones=600";
    Folder::with(&text).plan(words)
}

#[test]
fn plans_are_as_the_schema_says() {
    let sample = repository("conf/mapping.yaml").display().to_string();
    let folder = Folder::with(&mapping(["a.orders.corp"]));
    for plan in
        [folder.plan(&sample), folder.plan("@mapping.yaml"), folder.plan(&format!("--zones per-name {sample}")), rich()]
    {
        assert_eq!(faults(&plan), None, "{plan:#}");
    }
}

/// Those that Terraform's and CDK's tests deploy are written by hand, to have what they need.
#[test]
fn so_are_the_plans_that_deployments_are_tested_with() {
    for name in ["deploy/terraform/tests/plan.json", "deploy/cdk/test/fixtures/more.json"] {
        let text = fs::read_to_string(repository(name)).expect("a plan");
        let plan: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(faults(&plan), None, "{name}");
    }
}

#[test]
fn keys_stand_in_the_order_of_the_schema() {
    let folder = Folder::with(&mapping(["a.in.example.com"]));
    assert!(folder.run("plan @mapping.yaml --output @plan.json").status.success());
    let text = folder.read("plan.json");
    let keys = schema()["required"].as_array().expect("a list").clone();
    let place = |key: &Value| text.find(&format!("\n  \"{}\":", key.as_str().unwrap())).expect("a key");
    let places: Vec<_> = keys.iter().map(place).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.ends_with("\n}\n"));
}

/// Goes through a plan and the schema side by side: each object's keys are those of the schema, and the
/// schema allows no others, requires each, and describes it.
fn compare(value: &Value, schema: &Value, root: &Value, place: &str) {
    let reference = schema["$ref"].as_str().map(|name| name.strip_prefix("#").expect("a place in the schema"));
    let of = reference.and_then(|name| root.pointer(name)).unwrap_or(schema);
    if let Some(properties) = of["properties"].as_object() {
        assert_eq!(of["additionalProperties"], json!(false), "{place}");
        let mut required: Vec<_> =
            of["required"].as_array().expect("a list").iter().map(|name| name.as_str().unwrap()).collect();
        let mut keys: Vec<_> = value.as_object().expect(place).keys().map(String::as_str).collect();
        let mut known: Vec<_> = properties.keys().map(String::as_str).collect();
        for names in [&mut required, &mut keys, &mut known] {
            names.sort_unstable();
        }
        assert_eq!((&keys, &required), (&known, &known), "{place}");
        for (key, property) in properties {
            assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{place}.{key}");
            compare(&value[key], property, root, &format!("{place}.{key}"));
        }
    } else if let Some(items) = value.as_array() {
        items.iter().for_each(|item| compare(item, &of["items"], root, &format!("{place}[]")));
    }
}

#[test]
fn the_schema_says_every_field_and_no_other() {
    let mut plan = rich();
    // Until plans have some: what one would be.
    plan["resource_policies"] = json!([{ "api_id": "a1", "region": "r", "endpoints": ["default"], "policy": "{}" }]);
    assert_eq!(faults(&plan), None);
    for list in ["hosted_zones", "certificates", "import_names", "regions", "warnings"] {
        assert!(plan[list].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
    compare(&plan, &schema(), &schema(), "plan");
}

#[test]
fn the_plan_of_a_mapping_in_parts_names_owners() {
    let folder = Folder::with("");
    fs::create_dir(folder.path("parts")).expect("a folder");
    let pay = mapping(["a.in.example.com", "b.in.example.com", "a.eu.orders.corp"]);
    folder.write("parts/pay.yaml", &format!("OWNER: payments\nCONTACT: '#pay'\n{pay}"));
    folder.write("parts/web.yaml", &format!("OWNER: web\n{}", mapping(["c.in.example.com"])));
    folder.write("parts/free.yaml", &mapping(["free.team.in.example.com"]));
    let plan = folder.plan("@parts");
    assert_eq!(faults(&plan), None);
    compare(&plan["owners"], &schema()["properties"]["owners"], &schema(), "owners");
    let id = plan["certificates"].as_array().expect("a list").iter();
    let id = id.filter(|one| one["names"] == json!(["*.in.example.com"])).map(|one| one["id"].clone()).next();
    let api_ids = json!({ "eu-west-1": ["abc123"] });
    let want = json!([
        { "owner": "payments", "contacts": ["#pay"], "entries": 3, "domains": 3,
          "hosted_zones": ["eu.orders.corp", "in.example.com"], "certificates": [id], "import_names": ["*.eu.orders.corp"],
          "api_ids": api_ids },
        { "owner": "web", "contacts": [], "entries": 1, "domains": 1, "hosted_zones": ["in.example.com"],
          "certificates": [id], "import_names": [], "api_ids": api_ids },
    ]);
    assert_eq!(plan["owners"], want);
}

#[test]
fn what_is_no_plan_is_refused() {
    let good = rich();
    let broken: [(&str, Value); 9] = [
        ("/format", json!(2)),
        ("/mapping/sha256", json!("b960")),
        ("/options/zones", json!("per-domain")),
        ("/hosted_zones/0/records", json!([])),
        ("/hosted_zones/0/name", json!("*.example.com")),
        ("/certificates/0/id", json!("7")),
        ("/certificates/0/names", json!(["*.example.com", "*.example.com"])),
        ("/endpoints", json!(["shared"])),
        ("/quotas/names_per_certificate", json!(101)),
    ];
    for (place, value) in broken {
        let mut plan = good.clone();
        *plan.pointer_mut(place).expect(place) = value;
        assert!(faults(&plan).is_some(), "{place}");
    }
    let mut plan = good;
    plan["used"]["more"] = json!(1);
    assert!(faults(&plan).is_some());
}
