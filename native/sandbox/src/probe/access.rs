//! What a program must not reach: the network outside, the host's own services, calls that need rights.

use std::fs;
use std::io::Error;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net;

use assay_shared::fault::{Context, Fault, Result};

use super::{Seen, refused};

/// Addresses that nobody has (RFC 5737, RFC 3849): connecting a datagram socket looks for a route and sends nothing.
const OUTSIDE: [&str; 2] = ["192.0.2.1:9", "[2001:db8::1]:9"];

/// Bites if no interface but loopback is there, no route leads out, and the host's listeners are out of reach.
pub fn network(port: u16, name: &str) -> Result<Seen> {
    let mut reached: Vec<String> = interfaces()?;
    for address in OUTSIDE {
        if route(address)? {
            reached.push(format!("a route to {address}"));
        }
    }
    let host = SocketAddr::from(([127, 0, 0, 1], port));
    if !is_refused(TcpStream::connect(host).map(drop))? {
        reached.push(format!("the host's {host}"));
    }
    let abstract_name = net::SocketAddr::from_abstract_name(name).context("abstract name", name)?;
    if !is_refused(net::UnixStream::connect_addr(&abstract_name).map(drop))? {
        reached.push("the host's abstract sockets".to_owned());
    }
    let bit = reached.is_empty();
    let what = if bit { "no route out, host out of reach".to_owned() } else { reached.join(", ") };
    Ok(Seen { bit, what })
}

/// Every interface but loopback that has an entry in this network namespace and is up.
fn interfaces() -> Result<Vec<String>> {
    let path = "/proc/net/dev";
    let text = match fs::read_to_string(path) {
        // Where none shows, none can be asked about either.
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => return Ok(Vec::new()),
        text => text.context("read", path)?,
    };
    let names = text.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim());
    let mut up = Vec::new();
    for name in names.filter(|name| *name != "lo") {
        if is_up(name)? {
            up.push(format!("interface {name}"));
        }
    }
    Ok(up)
}

fn is_up(name: &str) -> Result<bool> {
    use std::os::fd::AsRawFd;
    let socket = UdpSocket::bind("127.0.0.1:0").context("bind", "127.0.0.1")?;
    // SAFETY: ifreq is plain data for which all zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, byte) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = byte as libc::c_char;
    }
    // SAFETY: the request outlives the call, which fills in the flags.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) };
    assay_shared::sys::check("ioctl SIOCGIFFLAGS", name, result.into())?;
    // SAFETY: the call has just written this member.
    Ok(i32::from(unsafe { request.ifr_ifru.ifru_flags }) & libc::IFF_UP != 0)
}

fn route(address: &str) -> Result<bool> {
    let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = match UdpSocket::bind(any) {
        // A kernel without IPv6.
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => return Ok(false),
        result => result.context("bind", any)?,
    };
    match socket.connect(address) {
        Ok(()) => Ok(true),
        Err(error) if is_one_of(&error, &[libc::ENETUNREACH, libc::EHOSTUNREACH, libc::EADDRNOTAVAIL]) => Ok(false),
        Err(error) => Err(error).context("connect", address),
    }
}

fn is_refused(result: std::io::Result<()>) -> Result<bool> {
    match result {
        Ok(()) => Ok(false),
        Err(error) if is_one_of(&error, &[libc::ECONNREFUSED, libc::ENETUNREACH, libc::EAFNOSUPPORT]) => Ok(true),
        Err(error) => Err(error).context("connect", "loopback"),
    }
}

fn is_one_of(error: &Error, errors: &[i32]) -> bool {
    error.raw_os_error().is_some_and(|errno| errors.contains(&errno))
}

/// Bites if this process has no capability, can gain none, is filtered, and a few calls that need rights are refused.
/// `any_bounding_set`: it takes a right to empty that one, and without new privileges it means nothing.
pub fn rights(any_bounding_set: bool) -> Result<Seen> {
    let path = "/proc/self/status";
    let status = fs::read_to_string(path).context("read", path)?;
    let field = |name: &str| -> Result<&str> {
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(str::trim).ok_or_else(|| Fault::new("find a field", name, libc::EBADMSG))
    };
    let mut wrong = Vec::new();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = field(set)?;
        let ignored = any_bounding_set && set == "CapBnd";
        if !ignored && value.bytes().any(|digit| digit != b'0') {
            wrong.push(format!("{set} {value}"));
        }
    }
    for (name, wanted) in [("NoNewPrivs", "1"), ("Seccomp", "2")] {
        let value = field(name)?;
        if value != wanted {
            wrong.push(format!("{name} {value}"));
        }
    }
    for (name, result) in forbidden_calls() {
        if !result {
            wrong.push(format!("{name} is not refused"));
        }
    }
    let bit = wrong.is_empty();
    let what = if bit { "no capabilities, calls refused".to_owned() } else { wrong.join(", ") };
    Ok(Seen { bit, what })
}

/// Calls with arguments that harm nobody should they not be refused, by whether they were.
fn forbidden_calls() -> [(&'static str, bool); 5] {
    let errors = [libc::EPERM, libc::ENOSYS];
    let (none, path) = (std::ptr::null::<libc::c_void>(), c"/proc".as_ptr());
    // SAFETY: NUL-terminated names or NULL; at worst this process, which is about to end, is in other namespaces.
    unsafe {
        [
            ("unshare", refused(libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER), &errors)),
            (
                "mount",
                refused(
                    libc::syscall(libc::SYS_mount, none, path, none, libc::MS_BIND | libc::MS_RDONLY, none),
                    &errors,
                ),
            ),
            ("setns", refused(libc::syscall(libc::SYS_setns, -1, 0), &errors)),
            ("bpf", refused(libc::syscall(libc::SYS_bpf, -1, none, 0), &errors)),
            ("keyctl", refused(libc::syscall(libc::SYS_keyctl, 0, -3, 0), &errors)),
        ]
    }
}
