//! What a program must not reach of a machine that no namespace hides: files, sockets and processes of its engine's user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use assay_shared::fault::Result;

use super::Seen;

/// Bites if a directory outside, with a file and a socket, and the process with this pid are out of reach.
pub fn reach(directory: &str, pid: i32) -> Result<Seen> {
    let directory = format!("/{directory}");
    let (secret, new) = (format!("{directory}/secret"), format!("{directory}/new"));
    let tried = [
        ("read a file", fs::read(&secret).is_ok()),
        ("list a directory", fs::read_dir(&directory).is_ok()),
        ("write a file", fs::OpenOptions::new().append(true).open(&secret).is_ok()),
        ("make a file", fs::write(&new, "").is_ok()),
        ("rename a file", fs::rename(&secret, &new).is_ok()),
        ("remove a file", fs::remove_file(&secret).is_ok()),
        ("link to a file", fs::hard_link(&secret, "linked").is_ok()),
        ("change a file's mode", fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).is_ok()),
        ("connect to a socket", UnixStream::connect(format!("{directory}/socket")).is_ok()),
        ("read a process's environment", fs::read(format!("/proc/{pid}/environ")).is_ok()),
        ("read a process's command", fs::read(format!("/proc/{pid}/cmdline")).is_ok()),
        ("signal a process", signals(pid)),
        ("limit a process", limits(pid)),
    ];
    let done: Vec<_> = tried.iter().filter(|(_, done)| *done).map(|(what, _)| *what).collect();
    let what = if done.is_empty() { "files, sockets and processes out of reach".to_owned() } else { done.join(", ") };
    Ok(Seen { bit: done.is_empty(), what })
}

fn signals(pid: i32) -> bool {
    // SAFETY: no pointers; signal 0 only asks.
    unsafe { libc::kill(pid, 0) == 0 }
}

fn limits(pid: i32) -> bool {
    // SAFETY: NULL changes nothing and asks for nothing.
    unsafe { libc::prlimit(pid, libc::RLIMIT_CORE, std::ptr::null(), std::ptr::null_mut()) == 0 }
}
