//! Builds what the extension carries, for the same target, and leaves it where `include_bytes!` finds it: the static program,
//! and the libraries that hold crun and stop Python.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set for us by the outer cargo; the inner one must decide these itself.
const OUTER: [&str; 6] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
];

fn main() {
    println!("cargo::rustc-env=ASSAY_BUILD_PROFILE={}", variable("PROFILE"));
    // Fixed addresses: a position-independent keeper would carry relocated pages into every child that it forks.
    let fixed = "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols";
    let program = build("sandbox", "--bin=assay-sandbox", fixed).join("assay-sandbox");
    println!("cargo::rustc-env=ASSAY_SANDBOX_PROGRAM={}", program.display());
    let library = build("hold", "--lib", "-C strip=symbols").join("libhold.so");
    println!("cargo::rustc-env=ASSAY_HOLD_LIBRARY={}", library.display());
    let library = build("zygote", "--lib", "-C strip=symbols").join("libzygote.so");
    println!("cargo::rustc-env=ASSAY_ZYGOTE_LIBRARY={}", library.display());
}

/// Where cargo leaves what this crate becomes.
fn build(name: &str, what: &str, flags: &str) -> PathBuf {
    for changed in [name, "shared"] {
        println!("cargo::rerun-if-changed={changed}/src");
        println!("cargo::rerun-if-changed={changed}/Cargo.toml");
    }
    let target = variable("TARGET");
    let directory = PathBuf::from(variable("OUT_DIR")).join(name);
    let mut cargo = Command::new(variable("CARGO"));
    for name in OUTER {
        cargo.env_remove(name);
    }
    let status = cargo
        .args(["build", "--release", what, "--target", &target, "--manifest-path"])
        .arg(Path::new(&variable("CARGO_MANIFEST_DIR")).join(name).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&directory)
        .env("RUSTFLAGS", flags)
        // Only the extension has callers to whom a panic can be told.
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .status()
        .unwrap_or_else(|error| panic!("start cargo for {name}: {error}"));
    assert!(status.success(), "{name} did not build: {status}");
    directory.join(target).join("release")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
