//! The static program. The pool starts it as `supervisor` with the engine's socket as standard input, crun as `keeper`, the
//! entry point of a container; `unpack` makes an image ready in the store, `images` and `prune` look after the store; `bare`
//! is the benches' floor; `probe` is what the self-test sends into a slot.

mod bare;
mod census;
mod cgroup;
mod image;
mod keeper;
mod probe;
mod rootfs;
mod seccomp;
mod supervisor;

use std::env;
use std::process::ExitCode;

use keeper::contained;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["supervisor"] => supervisor::main().map(|()| 0),
        ["keeper", described] => contained::main(described).map(|()| 0),
        ["unpack", store, reference, ref tools @ ..] => image::main(store, reference, tools).map(|()| 0),
        ["images", store, ref references @ ..] => image::list(store, references).map(|()| 0),
        ["prune", store] => image::prune(store).map(|()| 0),
        ["bare", in_flight, seconds, ref argv @ ..] => bare::main(in_flight, seconds, argv).map(|()| 0),
        ["probe", ref probe @ ..] => probe::main(probe),
        _ => {
            eprintln!(
                "assay-sandbox: expected supervisor, unpack STORE IMAGE [TOOL ...], images STORE [IMAGE ...], prune STORE, \
                 bare IN_FLIGHT SECONDS ARGV... or probe NAME ..."
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            eprintln!("assay-sandbox: {fault}");
            ExitCode::FAILURE
        }
    }
}
