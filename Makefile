# What a newcomer runs. Everything real happens in cargo and in scripts/.

.PHONY: demo test deploy-check image-check lint doc deny msrv-check arm64-check ci fuzz soak bench cost policy-pairs preflight test-tools

# The main job on embedded defaults: a stand-in for API Gateway, the sample mapping, the proxy.
# A debug build, for the first one of somebody new should not take twice as long. `make demo DEMO='--fail apiid1=waf'`
# passes options on.
demo: preflight
	@cargo build --bin nameplate
	@exec "$${CARGO_TARGET_DIR:-target}/debug/nameplate" demo $(DEMO)

# All tests: unit, property, case files, and stories through the real proxy over real TLS.
# Stories wait for sockets more than they compute, so two run on each core.
test: preflight test-tools
	@RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(( 2 * $$(nproc) ))} cargo test

# What deploys it, without an AWS account: Terraform, CDK, one against the other, and the pipeline.
deploy-check: preflight
	@cargo build --bin nameplate
	@scripts/deploy-check.sh

# The image and docker/compose.yaml: built for real, run, and held to docker/README.md. As root.
image-check: preflight
	@scripts/image-check.sh

# What CI denies.
lint: preflight
	@cargo fmt --check
	@cargo clippy --all-targets -- -D warnings

doc: preflight
	@RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# Licenses, bans, sources and advisories of every crate in the build: deny.toml.
deny: preflight
	@scripts/deny.sh

# The oldest Rust that Cargo.toml promises.
msrv-check: preflight
	@scripts/msrv-check.sh

# What deploy/ runs by default, as far as a machine of another kind can tell.
arm64-check: preflight
	@scripts/arm64-check.sh

ci:
	@.ci/run

# Each fuzz target for 20 seconds: fuzz/README.md.
fuzz:
	@scripts/fuzz.sh

# A real process under load for an hour: bench/soak/README.md.
soak: preflight
	@bench/soak/run.sh

# Nameplate beside other proxies, for an hour and more on an idle machine: bench/compare/README.md.
bench: preflight
	@bench/compare/run.sh

# 102,400 random pairs of a policy and a mapping against the independent evaluator of IAM; `test` has 10,000 of them.
policy-pairs: preflight
	@NAMEPLATE_POLICIES=320 cargo --config 'profile.dev.package.nameplate-plan.opt-level=2' \
		test --test it -- a_policy_grants_too_much

# Instructions and system calls of a request against committed figures: bench/cost/README.md.
cost: preflight
	@bench/cost/run.sh

# Names what the build lacks, and installs it as root or through sudo.
preflight:
	@scripts/preflight.sh

# What tests need besides Rust: Prometheus, and AWS's APIs as a server on this machine.
test-tools:
	@scripts/test-tools.sh
