//! Preloaded into an image's own Python: it starts exactly as it would for a script, imports what is named, and stops where
//! the script would begin. Each fork of it is a Python that has started already.
//!
//! ```text
//! keeper (pid 1) --starts--> zygote --forks, as its keeper's child--> parked child = program
//! ```
//!
//! Nothing here knows what a job is: the keeper writes its files, and a child gets numbers, strings and descriptors. What
//! the parent holds is worth nothing to a program: names of modules of its own image.

mod api;
mod child;
mod prelude;
mod python;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;
use assay_shared::wire::{FromParked, Setup, decode, encode};
use assay_shared::zygote::{CONTROL, ENTER, LIBRARY, PARK, READY, REFUSED};

use child::Forked;
use prelude::Prelude;
use python::Python;

type Main = unsafe extern "C" fn(c_int, *mut *mut c_char, *mut *mut c_char) -> c_int;
type Callback = Option<unsafe extern "C" fn()>;
type Start = unsafe extern "C" fn(Main, c_int, *mut *mut c_char, Callback, Callback, Callback, *mut c_void) -> c_int;

/// Takes the place of libc's own, which `_start` calls with the program's main: ours goes there instead.
///
/// # Safety
/// Called by `_start` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_start_main(
    _main: Main,
    count: c_int,
    arguments: *mut *mut c_char,
    init: Callback,
    fini: Callback,
    at_exit: Callback,
    stack_end: *mut c_void,
) -> c_int {
    // SAFETY: the next library with this symbol is libc, whose function has this signature; all arguments are `_start`'s.
    unsafe {
        let libc_start: Start = std::mem::transmute(libc::dlsym(libc::RTLD_NEXT, c"__libc_start_main".as_ptr()));
        libc_start(zygote_main, count, arguments, init, fini, at_exit, stack_end)
    }
}

/// # Safety
/// Called by libc alone, as a program's main.
unsafe extern "C" fn zygote_main(count: c_int, arguments: *mut *mut c_char, environment: *mut *mut c_char) -> c_int {
    // SAFETY: libc's own block, which nobody else uses yet.
    unsafe { forget_preload(environment) };
    // SAFETY: the keeper put it there for us.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    let refusal = match Python::find() {
        Some(mut python) => match Zygote::start(&control, &mut python, count, arguments) {
            Ok(zygote) => zygote.live(&control).to_string(),
            Err(refusal) => refusal,
        },
        None => "no CPython, or one that hides its functions".to_owned(),
    };
    // A keeper that is gone needs no reason.
    let _ = sys::send(&control, &[REFUSED, refusal.as_bytes()].concat(), &[]);
    sys::exit_now(1)
}

/// Takes LD_PRELOAD, the last variable, out of the environment and out of what /proc/self/environ shows.
///
/// # Safety
/// The block is libc's.
unsafe fn forget_preload(environment: *mut *mut c_char) {
    // SAFETY: pointers up to a NULL, each to a NUL-terminated string that is ours to write.
    unsafe {
        for entry in (0..).map(|index| *environment.add(index)).take_while(|entry| !entry.is_null()) {
            if CStr::from_ptr(entry).to_bytes().starts_with(b"LD_PRELOAD=") {
                let length = CStr::from_ptr(entry).to_bytes().len();
                libc::unsetenv(c"LD_PRELOAD".as_ptr());
                std::ptr::write_bytes(entry, 0, length);
                return;
            }
        }
    }
}

/// A Python with its modules, and everything of a run that is the same for all of them.
struct Zygote<'a> {
    python: &'a Python,
    prelude: Prelude,
    script: CString,
    parked: Vec<u8>,
    /// Where the kernel keeps a thread's own id for libc.
    thread_id: *mut c_int,
}

impl<'a> Zygote<'a> {
    /// The reason if it cannot be one.
    fn start(
        control: &OwnedFd,
        python: &'a mut Python,
        count: c_int,
        arguments: *mut *mut c_char,
    ) -> std::result::Result<Self, String> {
        // SAFETY: the keeper put it there for us; it is mapped already.
        drop(unsafe { OwnedFd::from_raw_fd(LIBRARY) });
        let setup = setup(control).map_err(|fault| fault.to_string())?;
        python.start(count, arguments)?;
        let python: &Python = python;
        let prelude = Prelude::load(python, &setup)?;
        let script = CString::new(setup.script).map_err(|_| "the script's path has a NUL")?;
        if std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count) != 1 {
            return Err("a preloaded module started a thread".to_owned());
        }
        let encoded = |message: &FromParked| encode(message).map_err(|fault| fault.to_string());
        let (ready, parked) = (encoded(&FromParked::Ready)?, encoded(&FromParked::Parked)?);
        let thread_id = thread_id()?;
        child::tell(&ready);
        sys::send(control, READY, &[]).map_err(|fault| fault.to_string())?;
        Ok(Self { python, prelude, script, parked, thread_id })
    }

    /// Forks until the keeper is gone; why it cannot.
    fn live(&self, control: &OwnedFd) -> Fault {
        let mut buffer = [0; 64];
        loop {
            let received = match sys::receive(control, &mut buffer) {
                Ok(Some(received)) if received.length > 0 => received,
                Ok(_) => sys::exit_now(0),
                Err(fault) => return fault,
            };
            let answer = match &buffer[..received.length] {
                PARK => self.park(control, received.fds.first()),
                ENTER => received.fds.iter().try_for_each(sys::setns).map(|()| 0),
                _ => Err(Fault::new("receive from the keeper", "", libc::EBADMSG)),
            };
            if let Err(fault) = answer.and_then(|pid| sys::send(control, &pid.to_ne_bytes(), &[])) {
                return fault;
            }
        }
    }

    /// The pid of a new child, which waits for an order.
    fn park(&self, control: &OwnedFd, leaf: Option<&OwnedFd>) -> Result<i32> {
        self.python.before_fork();
        let forked = child::fork_as_sibling(leaf, self.thread_id);
        let in_child = matches!(forked, Ok(Forked::Child));
        self.python.after_fork(in_child);
        match forked? {
            Forked::Parent(pid) => Ok(pid),
            Forked::Child => child::live(self, control, leaf.is_some()),
        }
    }
}

/// Takes the keeper's first message, and the pass out of it.
fn setup(control: &OwnedFd) -> Result<Setup> {
    let mut buffer = vec![0; sys::MESSAGE_BYTES];
    let length = sys::receive(control, &mut buffer)?.map_or(0, |received| received.length);
    let mut setup: Setup = decode(&buffer[..length])?;
    buffer.fill(0);
    sys::use_secret(std::mem::take(&mut setup.pass));
    Ok(setup)
}

fn thread_id() -> std::result::Result<*mut c_int, String> {
    let mut place: *mut c_int = std::ptr::null_mut();
    // SAFETY: the kernel writes one pointer.
    match unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut place, 0, 0, 0) } {
        0 if !place.is_null() => Ok(place),
        _ => Err("the kernel does not tell where libc keeps its thread's id".to_owned()),
    }
}
