//! The prelude's functions, and a run between them.

use std::convert::Infallible;
use std::ffi::{CStr, CString};

use assay_shared::fault::{Fault, Result};
use assay_shared::sys;

use assay_shared::wire::Setup;

use crate::python::{Object, Python};

const TEXT: &str = include_str!("prelude.py");
/// What Python exits with where it could not flush.
const FLUSH_FAILED: i32 = 120;

/// What `prelude.py` defines; see there.
pub struct Prelude {
    known: Option<Object>,
    ready: Object,
    end: Object,
    whole_end: Object,
}

impl Prelude {
    /// Imports these modules; the reason if it cannot.
    pub fn load(python: &Python, setup: &Setup) -> std::result::Result<Self, &'static str> {
        let names: String = setup.preload.iter().map(|name| format!("{name:?}, ")).collect();
        let known: String =
            setup.known.iter().map(|text| format!("bytes.fromhex('{}'), ", hexadecimal(text))).collect();
        let head = format!("_PRELOAD, _KNOWN, _SCRIPT = ({names}), ({known}), {:?}", setup.script);
        let text = CString::new(format!("{head}\n{TEXT}")).map_err(|_| "a module's name has a NUL")?;
        let namespace = python.run_text(&text).ok_or("a module that is preloaded raised")?;
        let function = |name: &CStr| python.function(namespace, name).ok_or("the prelude lacks a function");
        let known = if setup.known.is_empty() { None } else { Some(function(c"known")?) };
        Ok(Self { known, ready: function(c"ready")?, end: function(c"end")?, whole_end: function(c"needs_whole_end")? })
    }

    /// Makes `__main__` for this script; its loader.
    pub fn ready(&self, python: &Python, script: &CStr) -> Result<Object> {
        python.call_with_path(self.ready, script).ok_or_else(|| Fault::new("prepare __main__", "", libc::EPROTO))
    }

    /// Runs the script as Python's own main does, and ends the process as that would.
    pub fn run(&self, python: &Python, script: &CStr, loader: Object) -> Result<Infallible> {
        let code = self.known.and_then(|function| python.call_with_path(function, script));
        let end = python.run_script(script, loader, code);
        let mut code = end.code;
        let whole = python.is_true(self.whole_end);
        if whole {
            if python.finalize() {
                code = FLUSH_FAILED;
            }
        } else {
            code = python.end(self.end, code);
        }
        if end.interrupted {
            die_of_interrupt();
        }
        if whole {
            // SAFETY: libraries that the program loaded have their destructors run.
            unsafe { libc::exit(code) }
        }
        // SAFETY: all streams of libc.
        unsafe { libc::fflush(std::ptr::null_mut()) };
        sys::exit_now(code)
    }
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
