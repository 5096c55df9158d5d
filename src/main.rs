//! Parse, call [`nameplate::cli::run`], turn the outcome into an exit code.

// Beat the system allocator in every run measured: docs/decisions/0002-hot-path.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    nameplate::cli::run()
}
