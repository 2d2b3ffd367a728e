//! The prelude's functions, and a run between them.

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_int, c_void};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;

use assay_shared::wire::{Known, Setup};

use crate::python::{Object, Python};

/// One text, in the order in which its parts need each other.
const TEXT: &str = concat!(
    include_str!("prelude/names.py"),
    include_str!("prelude/imports.py"),
    include_str!("prelude/shelf.py"),
    include_str!("prelude/script.py"),
    include_str!("prelude/end.py"),
    include_str!("prelude/start.py"),
);
/// What Python exits with where it could not flush.
const FLUSH_FAILED: i32 = 120;

/// What `prelude/` defines; see there.
pub struct Prelude {
    known: Option<Object>,
    ready: Object,
    show_lines: Object,
    nothing_follows: Object,
    take_modules: Object,
    clear_modules: Object,
    at_exit: Object,
    trace: Object,
    profile: Object,
    threads: Object,
    libraries: u64,
}

impl Prelude {
    /// Imports these modules; the reason if it cannot.
    pub fn load(python: &Python, setup: &Setup) -> std::result::Result<Self, &'static str> {
        let list = |names: &[String]| -> String { names.iter().map(|name| format!("{name:?}, ")).collect() };
        let (usual, named) = (list(&setup.usual), list(&setup.named));
        let entry = |Known { text }: &Known| format!("bytes.fromhex('{}'), ", hexadecimal(text));
        let known: String = setup.known.iter().map(entry).collect();
        let counts = python.garbage_counts();
        let head = format!(
            "_USUAL, _NAMED, _KNOWN, _SCRIPT, _COUNTS = ({usual}), ({named}), ({known}), {:?}, {counts:?}",
            setup.script
        );
        let text = CString::new(format!("{head}\n{TEXT}")).map_err(|_| "a module's name has a NUL")?;
        let namespace = python.run_text(&text).ok_or("a module that is preloaded raised")?;
        // As with Python's own streams: what a library wrote into C's is for the keeper to see.
        // SAFETY: null is for all streams.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        let function = |name: &CStr| python.function(namespace, name).ok_or("the prelude lacks a function");
        let known = if setup.known.is_empty() { None } else { Some(function(c"known")?) };
        Ok(Self {
            known,
            ready: function(c"ready")?,
            nothing_follows: function(c"nothing_follows")?,
            show_lines: function(c"show_lines")?,
            take_modules: function(c"take_modules")?,
            clear_modules: function(c"clear_modules")?,
            at_exit: function(c"at_exit")?,
            trace: function(c"trace")?,
            profile: function(c"profile")?,
            threads: function(c"threads")?,
            libraries: loaded_libraries(),
        })
    }

    /// Makes `__main__` for this script; its loader.
    pub fn ready(&self, python: &Python, script: &CStr) -> Result<Object> {
        python.call_with_path(self.ready, script).ok_or_else(|| Fault::new("prepare __main__", "", libc::EPROTO))
    }

    /// Runs the script as Python's own main does, and ends the process as that would.
    pub fn run(&self, python: &Python, script: &CStr, loader: Object) -> Result<Infallible> {
        let code = self.known.and_then(|function| python.call_with_path(function, script));
        let end = python.run_script(script, loader, code);
        python.wind_up(self.at_exit);
        let threads_left = python.number(self.threads) > 0;
        let flushed = if threads_left { self.whole_end(python) } else { self.end(python) };
        let code = if flushed { end.code } else { FLUSH_FAILED };
        if python.was_interrupted(&end) {
            die_of_interrupt();
        }
        if threads_left || loaded_libraries() != self.libraries {
            // SAFETY: libraries that the program loaded have their destructors run.
            unsafe { libc::exit(code) }
        }
        // SAFETY: all streams of libc.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        sys::exit_now(code)
    }

    /// Only the interpreter's own end keeps other threads from what it takes apart; whether all could be flushed.
    fn whole_end(&self, python: &Python) -> bool {
        python.call_steps(self.show_lines);
        python.finalize()
    }

    /// What the interpreter's end does to what the program made, in its order; whether all could be flushed.
    ///
    /// Sooner than that by all that it does to the interpreter itself, which is gone a moment later.
    fn end(&self, python: &Python) -> bool {
        let flushed = python.flush_streams();
        // A look at what the program made costs a tenth of taking all modules apart. What objects of a library of C do
        // at their end cannot be seen.
        let may_look =
            loaded_libraries() == self.libraries && !python.is_true(self.trace) && !python.is_true(self.profile);
        if may_look && python.is_true(self.nothing_follows) {
            return flushed;
        }
        // While the modules still stand: a file that is not closed must be flushed before what it writes to is closed.
        python.collect();
        python.stop_tracing(self.trace, self.profile);
        python.call_steps(self.take_modules);
        python.call_steps(self.clear_modules);
        flushed
    }
}

/// How many libraries this process has ever loaded.
fn loaded_libraries() -> u64 {
    unsafe extern "C" fn take(info: *mut libc::dl_phdr_info, _size: usize, loaded: *mut c_void) -> c_int {
        // SAFETY: libc's own record, and the number below.
        unsafe { *loaded.cast::<u64>() = (*info).dlpi_adds };
        1
    }
    let mut loaded = 0_u64;
    // SAFETY: the callback takes what it is given here, and ends at the first library.
    unsafe { libc::dl_iterate_phdr(Some(take), (&raw mut loaded).cast()) };
    loaded
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn die_of_interrupt() {
    // SAFETY: the default action takes no function of ours; the signal is for ourselves.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGINT);
    }
}
