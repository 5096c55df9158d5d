//! The examples below each command's `--help`. A test parses each of them.

pub(super) const DEMO: &str = "\
Examples:
  nameplate demo
  nameplate demo --mapping my-mapping.yaml
  nameplate demo --fail apiid1=policy_denies --fail apiid2=integration_timed_out";

pub(super) const SERVE: &str = "\
Examples:
  nameplate serve --config nameplate.yaml
  nameplate serve --mapping s3://bucket/mapping.yaml --listen 0.0.0.0:8080";

pub(super) const CHECK: &str = "\
Examples:
  nameplate check mapping.yaml
  nameplate check 'mappings/**/*.yaml' --config nameplate.yaml
  nameplate check mapping.yaml --against s3://bucket/mapping.yaml
  nameplate check mapping.yaml --format sarif
  nameplate check --config nameplate.yaml";

pub(super) const EXPLAIN: &str = "\
Examples:
  nameplate explain GET https://orders.example.com/v1/items -m mapping.yaml
  nameplate explain PUT https://orders.example.com/ -m mapping.yaml --expect 405";

pub(super) const DOCTOR: &str = "\
Examples:
  nameplate doctor https://orders.example.com/v1 --config nameplate.yaml
  nameplate doctor https://orders.example.com/ --admin 127.0.0.1:9901";

pub(super) const TEST: &str = "\
Examples:
  nameplate test --init -m mapping.yaml > tests.yaml
  nameplate test tests.yaml -m mapping.yaml --mutate";

pub(super) const PLAN: &str = "\
Examples:
  nameplate plan mapping.yaml
  nameplate plan mapping.yaml --output plan.json";

pub(super) const CAPACITY: &str = "\
Examples:
  nameplate capacity --cpu-per-request 0.00025 --peak 2000
  nameplate capacity --cpu-per-request 0.00025 --peak 2000 -f json";

pub(super) const DISCOVER: &str = "\
Examples:
  nameplate discover --domain '{api}.in.example.com' > draft.yaml
  nameplate discover --domain '{api}.in.example.com' --into mapping.yaml
  nameplate discover --accounts accounts.yaml --print-policy";

pub(super) const IMPORT: &str = "\
Examples:
  nameplate import --region eu-west-1 > mapping.yaml
  nameplate import --accounts accounts.yaml --format json
  nameplate import --region eu-west-1 --print-policy";

pub(super) const POLICY_VERIFY: &str = "\
Examples:
  nameplate policy verify mapping.yaml --vpce vpce-0123456789 --policy now.json";

pub(super) const DRIFT: &str = "\
Examples:
  nameplate drift mapping.yaml --vpce vpce-0123456789abcdef0
  nameplate drift mapping.yaml --vpce vpce-0123456789abcdef0 --accounts accounts.yaml --format json
  nameplate drift mapping.yaml --vpce vpce-0123456789abcdef0 --print-policy";

pub(super) const RELOAD: &str = "\
Examples:
  nameplate reload
  nameplate reload --allow-shrink --wait 30s";

pub(super) const HEALTHCHECK: &str = "\
Examples:
  nameplate healthcheck
  nameplate healthcheck --ready";

pub(super) const SCHEMA: &str = "\
Examples:
  nameplate schema settings > settings.schema.json
  nameplate schema mapping > mapping.schema.json
  nameplate schema owners > owners.schema.json";

pub(super) const COMPLETIONS: &str = "\
Examples:
  nameplate completions bash > /etc/bash_completion.d/nameplate
  nameplate completions zsh > ~/.zfunc/_nameplate";

pub(super) const MAN: &str = "\
Examples:
  nameplate man | man -l -
  nameplate man --out /usr/local/share/man/man1";

/// All of them, for the test that parses them.
#[cfg(test)]
pub(super) const ALL: [&str; 16] = [
    DEMO,
    SERVE,
    CHECK,
    EXPLAIN,
    DOCTOR,
    TEST,
    PLAN,
    CAPACITY,
    DISCOVER,
    IMPORT,
    POLICY_VERIFY,
    DRIFT,
    RELOAD,
    HEALTHCHECK,
    COMPLETIONS,
    MAN,
];
