//! User namespaces: each slot's, and that of a supervisor that may not mount: in it it may, and its slots' namespaces are
//! made there.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Command;

use assay_shared::fault::{Context, Fault, Result};
use assay_shared::sys::{self, check};
use assay_shared::wire::{decode, encode};

use super::ids::{Ids, NEWGIDMAP, NEWUIDMAP, Rights, Supply};

/// Becomes root of a new user namespace that also maps these ids, from 1 on.
pub fn enter(part: &Supply) -> Result<()> {
    if part.rights == Rights::Nobody {
        return sys::enter_user_namespace_alone();
    }
    // SAFETY: no arguments, cannot fail.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    // The maps must be written from outside, so by a child that stays there.
    let supervisor = sys::getpid();
    let (go, go_write) = sys::pipe()?;
    let (answer, answer_write) = sys::pipe()?;
    let Some(child) = sys::fork()? else {
        drop((go_write, answer));
        let mut byte = [0];
        let result = match File::from(go).read(&mut byte) {
            Ok(1) => write_maps(part, supervisor, uid, gid),
            _ => sys::exit_now(1),
        };
        let Err(fault) = result else { sys::exit_now(0) };
        // Should this fail, the exit code speaks.
        let _ = encode(&fault).map(|complaint| File::from(answer_write).write_all(&complaint));
        sys::exit_now(1)
    };
    drop((go, answer_write));
    sys::unshare(libc::CLONE_NEWUSER)?;
    File::from(go_write).write_all(&[1]).context("write", "mapper")?;
    let mut complaint = Vec::new();
    File::from(answer).read_to_end(&mut complaint).context("read", "mapper")?;
    match sys::wait_for(child)? {
        0 => Ok(()),
        _ if complaint.is_empty() => Err(Fault::new("write the user map", "", libc::EPERM)),
        _ => Err(decode(&complaint)?),
    }
}

fn write_maps(part: &Supply, pid: i32, uid: u32, gid: u32) -> Result<()> {
    let maps = [
        ("uid_map", NEWUIDMAP, uid, part.first_uid, part.count),
        ("gid_map", NEWGIDMAP, gid, part.first_gid, part.count),
    ];
    for (file, helper, own, first, count) in maps {
        if part.rights == Rights::Writer {
            let path = format!("/proc/{pid}/{file}");
            fs::write(&path, format!("0 {own} 1\n1 {first} {count}")).context("write", path)?;
            continue;
        }
        let numbers = [pid as u32, 0, own, 1, 1, first, count].map(|number| number.to_string());
        let said = Command::new(helper).args(numbers).output().context("run", helper)?;
        if !said.status.success() {
            let text = String::from_utf8_lossy(&said.stderr);
            let text = text.lines().next().unwrap_or("no reason given");
            return Err(Fault::new(&format!("write the user map by {helper}: {text}"), "", libc::EPERM));
        }
    }
    Ok(())
}

/// Forks a child into a user namespace with the slot's users, and into what else the flags say; None in the child, which
/// may run before its users are there.
pub fn clone_in_user_namespace(flags: libc::c_int, ids: &Ids, slot: u32) -> Result<Option<i32>> {
    // The kernel charges a user namespace's inotify instances, pending signals and the like to whoever made it: to the
    // slot's own user, or one program could use up root's for the whole machine.
    let own_user = ids.root_of(slot);
    if let Some(uid) = own_user {
        sys::act_as(uid)?;
        // Changing users closed /proc/PID, where the maps are written, to whoever is root of a user namespace only.
        sys::prctl("prctl PR_SET_DUMPABLE", libc::PR_SET_DUMPABLE, 1)?;
    }
    let flags = (libc::CLONE_NEWUSER | flags) as libc::c_ulong;
    // SAFETY: without CLONE_VM this is a fork, and this program has one thread.
    let pid = check("clone", "", unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })? as i32;
    if pid == 0 {
        return Ok(None);
    }
    if own_user.is_some() {
        sys::act_as(0)?;
    }
    for map in ["uid_map", "gid_map"] {
        let path = format!("/proc/{pid}/{map}");
        fs::write(&path, ids.map(slot)).context("write", path)?;
    }
    Ok(Some(pid))
}
