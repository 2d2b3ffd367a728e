//! The static program. The pool starts it as `supervisor` with the engine's socket as standard input, crun as `keeper`, the
//! entry point of a container; `bare` is the benches' floor.

use std::env;
use std::process::ExitCode;

use assay_sandbox::slot::contained;
use assay_sandbox::{bare, supervisor};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["supervisor"] => supervisor::main(),
        ["keeper", described] => contained::main(described),
        ["bare", path, in_flight, seconds] => bare::main(path, in_flight, seconds),
        _ => {
            eprintln!("assay-sandbox: expected `supervisor` or `bare PATH IN_FLIGHT SECONDS`");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("assay-sandbox: {fault}");
            ExitCode::FAILURE
        }
    }
}
