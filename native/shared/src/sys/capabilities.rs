//! The capability sets of this process.

use super::check;
use crate::fault::Result;

pub const CAP_CHOWN: u32 = 0;
pub const CAP_DAC_OVERRIDE: u32 = 1;
pub const CAP_KILL: u32 = 5;
pub const CAP_SETGID: u32 = 6;
pub const CAP_SETUID: u32 = 7;
pub const CAP_SYS_CHROOT: u32 = 18;
pub const CAP_SYS_ADMIN: u32 = 21;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Effective, permitted, inheritable: the low 32 bits of each, then the high.
type Sets = [[u32; 3]; 2];
const VERSION_3: u32 = 0x2008_0522;

fn header() -> Header {
    Header { version: VERSION_3, pid: 0 }
}

fn get() -> Result<Sets> {
    let (mut header, mut sets): (Header, Sets) = (header(), [[0; 3]; 2]);
    // SAFETY: header and sets have the kernel's layout for this version and outlive the call.
    check("capget", "", unsafe { libc::syscall(libc::SYS_capget, &raw mut header, &raw mut sets) })?;
    Ok(sets)
}

fn set(sets: &Sets) -> Result<()> {
    let mut header = header();
    // SAFETY: as above.
    check("capset", "", unsafe { libc::syscall(libc::SYS_capset, &raw mut header, &raw const *sets) }).map(drop)
}

/// Whether this capability is in force; all that we ask for are among the low 32.
pub fn has_capability(capability: u32) -> Result<bool> {
    Ok(get()?[0][0] >> capability & 1 == 1)
}

/// Takes this effective user and keeps every capability that is permitted.
pub fn act_as(uid: u32) -> Result<()> {
    // SAFETY: no pointers.
    check("setresuid", uid.to_string(), unsafe { libc::setresuid(u32::MAX, uid, u32::MAX) }.into())?;
    let mut sets = get()?;
    // Leaving root emptied the effective set, not the permitted one.
    for half in &mut sets {
        half[0] = half[1];
    }
    set(&sets)
}

/// Becomes this user and group and nobody else, without any right, for good.
pub fn become_user(id: u32) -> Result<()> {
    // SAFETY: no pointers in any of these calls.
    unsafe {
        check("setgroups", "", libc::setgroups(0, std::ptr::null()).into())?;
        check("setresgid", "", libc::setresgid(id, id, id).into())?;
        check("setresuid", "", libc::setresuid(id, id, id).into())?;
    }
    // The inheritable set, which a keeper of zygotes has, outlives the change of user.
    drop_capabilities()
}

/// Gives up every capability, for good.
pub fn drop_capabilities() -> Result<()> {
    set(&[[0; 3]; 2])
}

/// Makes these the only ones that a program started by us as root gets, once the bounding set is empty; to be called
/// before that.
pub fn hand_down(capabilities: &[u32]) -> Result<()> {
    let mut sets = get()?;
    sets[0][2] = capabilities.iter().fold(0, |set, capability| set | 1 << capability);
    sets[1][2] = 0;
    set(&sets)
}
