//! Builds the static program for the same target and leaves it where `include_bytes!` finds it.

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
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    println!("cargo::rerun-if-changed=sandbox/src");
    println!("cargo::rerun-if-changed=sandbox/Cargo.toml");
    println!("cargo::rustc-env=ASSAY_BUILD_PROFILE={}", variable("PROFILE"));

    let target = variable("TARGET");
    let directory = PathBuf::from(variable("OUT_DIR")).join("sandbox");
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")).join("sandbox/Cargo.toml");
    let mut cargo = Command::new(variable("CARGO"));
    for name in OUTER {
        cargo.env_remove(name);
    }
    // Fixed addresses: a position-independent keeper would carry relocated pages into every child that it forks.
    let status = cargo
        .args(["build", "--release", "--bin", "assay-sandbox", "--target", &target, "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&directory)
        .env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static -C strip=symbols")
        .status()
        .unwrap_or_else(|error| panic!("start cargo for the static program: {error}"));
    assert!(status.success(), "the static program did not build: {status}");
    let program = directory.join(target).join("release/assay-sandbox");
    println!("cargo::rustc-env=ASSAY_SANDBOX_PROGRAM={}", program.display());
}
