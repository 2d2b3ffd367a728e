//! An interpreter: started as its own main would, run as that would, ended as that would.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

pub use crate::api::Object;
use crate::api::{CompilerFlags, Functions, symbol};

/// Py_file_input.
const FILE_INPUT: c_int = 257;
/// Room for a PyConfig of any version; only ever passed by its address.
const CONFIG_BYTES: usize = 16 << 10;

/// An interpreter in this process; every method is called by its only thread, which holds the lock.
pub struct Python {
    api: Functions,
    none: Object,
    system_exit: Object,
    keyboard_interrupt: Object,
    minor: c_int,
}

/// How a script ended.
pub struct End {
    pub code: i32,
    /// By a KeyboardInterrupt that nobody caught.
    pub interrupted: bool,
}

impl Python {
    /// None if this process is no CPython that can be a zygote.
    pub fn find() -> Option<Self> {
        let exception = |name: &[u8]| symbol(name).map(|place| place.cast::<Object>());
        let api = Functions::find()?;
        let none = symbol(b"_Py_NoneStruct\0")?;
        let (system_exit, keyboard_interrupt) =
            (exception(b"PyExc_SystemExit\0")?, exception(b"PyExc_KeyboardInterrupt\0")?);
        // SAFETY: both are variables with an exception type; they have their values before Python starts.
        let (system_exit, keyboard_interrupt) = unsafe { (*system_exit, *keyboard_interrupt) };
        Some(Self { api, none, system_exit, keyboard_interrupt, minor: 0 })
    }

    /// Starts the interpreter as its own main would with these arguments; the reason if it will not.
    pub fn start(&mut self, count: c_int, arguments: *const *mut c_char) -> Result<(), &'static str> {
        #[repr(align(16))]
        struct Config([u8; CONFIG_BYTES]);
        let mut config = Config([0; CONFIG_BYTES]);
        let config = config.0.as_mut_ptr().cast::<c_void>();
        // SAFETY: the memory is larger than any PyConfig, and the arguments are main's own.
        let status = unsafe {
            (self.api.PyConfig_InitPythonConfig)(config);
            match (self.api.PyConfig_SetBytesArgv)(config, count as isize, arguments) {
                status if status.kind != 0 => status,
                _ => (self.api.Py_InitializeFromConfig)(config),
            }
        };
        if status.kind != 0 {
            return Err("it does not start");
        }
        // SAFETY: Python runs; sys.version_info is there, and each step takes what the last one gave.
        unsafe {
            let version = (self.api.PySys_GetObject)(c"version_info".as_ptr());
            let minor = (self.api.PyObject_GetAttrString)(version, c"minor".as_ptr());
            self.minor = (self.api.PyLong_AsLong)(minor) as c_int;
        }
        Ok(())
    }

    /// Runs this text in a namespace of its own, which it returns; None if it raised, with the traceback on stderr.
    pub fn run_text(&self, text: &CStr) -> Option<Object> {
        let mut flags = self.flags();
        // SAFETY: Python runs; objects are checked before they are used, and references are kept for ever.
        unsafe {
            let namespace = (self.api.PyDict_New)();
            let builtins = (self.api.PyImport_ImportModule)(c"builtins".as_ptr());
            (self.api.PyDict_SetItemString)(namespace, c"__builtins__".as_ptr(), builtins);
            let result = (self.api.PyRun_StringFlags)(text.as_ptr(), FILE_INPUT, namespace, namespace, &raw mut flags);
            if result.is_null() {
                (self.api.PyErr_Print)();
                return None;
            }
            Some(namespace)
        }
    }

    /// A function of a namespace; None if it has none of that name.
    pub fn function(&self, namespace: Object, name: &CStr) -> Option<Object> {
        // SAFETY: a dictionary of ours and a NUL-terminated string.
        let found = unsafe { (self.api.PyDict_GetItemString)(namespace, name.as_ptr()) };
        (!found.is_null()).then_some(found)
    }

    /// Calls it with a path and gives what it returned; an exception is printed.
    pub fn call_with_path(&self, function: Object, path: &CStr) -> Option<Object> {
        // SAFETY: NUL-terminated.
        let argument = unsafe { (self.api.PyUnicode_DecodeFSDefault)(path.as_ptr()) };
        self.call(function, argument)
    }

    fn call(&self, function: Object, argument: Object) -> Option<Object> {
        // SAFETY: a callable and a new object, whose reference the tuple takes over.
        unsafe {
            let arguments = (self.api.PyTuple_New)(1);
            (self.api.PyTuple_SetItem)(arguments, 0, argument);
            let result = (self.api.PyObject_CallObject)(function, arguments);
            if result.is_null() {
                (self.api.PyErr_Print)();
                return None;
            }
            Some(result)
        }
    }

    /// What CPython's own main does with a script, from opening it to the exit code; `code` if it was compiled ahead.
    pub fn run_script(&self, path: &CStr, loader: Object, code: Option<Object>) -> End {
        let mut flags = self.flags();
        // SAFETY: Python runs and __main__ is a module; the file is open until PyRun_FileExFlags closes it.
        unsafe {
            let main = (self.api.PyModule_GetDict)((self.api.PyImport_AddModule)(c"__main__".as_ptr()));
            let name = (self.api.PyUnicode_DecodeFSDefault)(path.as_ptr());
            (self.api.PyDict_SetItemString)(main, c"__file__".as_ptr(), name);
            (self.api.PyDict_SetItemString)(main, c"__cached__".as_ptr(), self.none);
            (self.api.PyDict_SetItemString)(main, c"__loader__".as_ptr(), loader);
            let result = match code.filter(|code| *code != self.none) {
                Some(code) => (self.api.PyEval_EvalCode)(code, main, main),
                None => {
                    let file = libc::fopen(path.as_ptr(), c"rb".as_ptr());
                    if file.is_null() {
                        return End { code: 2, interrupted: false };
                    }
                    (self.api.PyRun_FileExFlags)(file, path.as_ptr(), FILE_INPUT, main, main, 1, &raw mut flags)
                }
            };
            let interrupted = result.is_null() && (self.api.PyErr_Occurred)() == self.keyboard_interrupt;
            self.flush_with_exception_aside();
            let code = if result.is_null() { self.end_of_exception() } else { 0 };
            End { code, interrupted }
        }
    }

    /// Main flushes before it prints an exception; to flush with one set would lose it.
    fn flush_with_exception_aside(&self) {
        let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        // SAFETY: Fetch gives references away, Restore takes them back.
        unsafe {
            (self.api.PyErr_Fetch)(&mut kind, &mut value, &mut traceback);
            for name in [c"stderr", c"stdout"] {
                let stream = (self.api.PySys_GetObject)(name.as_ptr());
                if stream.is_null() || stream == self.none {
                    continue;
                }
                let flush = (self.api.PyObject_GetAttrString)(stream, c"flush".as_ptr());
                if flush.is_null() || (self.api.PyObject_CallObject)(flush, null_mut()).is_null() {
                    (self.api.PyErr_Clear)();
                }
            }
            (self.api.PyErr_Restore)(kind, value, traceback);
        }
    }

    /// Prints the exception that is set, or takes SystemExit's code, as CPython's handle_system_exit does.
    fn end_of_exception(&self) -> i32 {
        // SAFETY: an exception is set; every reference stays until the process ends.
        unsafe {
            if (self.api.PyErr_ExceptionMatches)(self.system_exit) == 0 {
                (self.api.PyErr_Print)();
                return 1;
            }
            let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
            (self.api.PyErr_Fetch)(&mut kind, &mut value, &mut traceback);
            (self.api.PyErr_NormalizeException)(&mut kind, &mut value, &mut traceback);
            libc::fflush(null_mut());
            let mut code = (self.api.PyObject_GetAttrString)(value, c"code".as_ptr());
            if code.is_null() {
                // An exception whose code cannot be read stands for the code itself.
                (self.api.PyErr_Clear)();
                code = value;
            }
            if code == self.none {
                return 0;
            }
            let number = (self.api.PyLong_AsLong)(code);
            if number != -1 || (self.api.PyErr_Occurred)().is_null() {
                return number as i32;
            }
            (self.api.PyErr_Clear)();
            self.print_code(code);
            1
        }
    }

    unsafe fn print_code(&self, code: Object) {
        // SAFETY: the caller's object; sys.stderr may be missing, or what the program put there.
        unsafe {
            let stream = (self.api.PySys_GetObject)(c"stderr".as_ptr());
            if stream.is_null() || stream == self.none {
                return;
            }
            (self.api.PyFile_WriteObject)(code, stream, 1);
            let line_end = (self.api.PyUnicode_DecodeFSDefault)(c"\n".as_ptr());
            (self.api.PyFile_WriteObject)(line_end, stream, 1);
            (self.api.PyErr_Clear)();
        }
    }

    /// Calls the prelude's end with an exit code; the one that the process is to have.
    pub fn end(&self, function: Object, code: i32) -> i32 {
        // SAFETY: a number of ours; what comes back is checked by PyLong_AsLong itself.
        unsafe {
            match self.call(function, (self.api.PyLong_FromLong)(code.into())) {
                Some(result) => (self.api.PyLong_AsLong)(result) as i32,
                None => code,
            }
        }
    }

    /// The whole of CPython's own end; true if it failed.
    pub fn finalize(&self) -> bool {
        // SAFETY: nothing of Python is used afterwards.
        unsafe { (self.api.Py_FinalizeEx)() < 0 }
    }

    /// Whether a function without arguments says so; not if it raises.
    pub fn is_true(&self, function: Object) -> bool {
        // SAFETY: a callable; an exception is forgotten.
        unsafe {
            let result = (self.api.PyObject_CallObject)(function, null_mut());
            let answer = !result.is_null() && (self.api.PyObject_IsTrue)(result) == 1;
            (self.api.PyErr_Clear)();
            answer
        }
    }

    pub fn before_fork(&self) {
        // SAFETY: one thread, which holds the lock.
        unsafe { (self.api.PyOS_BeforeFork)() }
    }

    pub fn after_fork(&self, in_child: bool) {
        // SAFETY: in the process that it is for, once.
        unsafe { if in_child { (self.api.PyOS_AfterFork_Child)() } else { (self.api.PyOS_AfterFork_Parent)() } }
    }

    fn flags(&self) -> CompilerFlags {
        CompilerFlags { flags: 0, feature_version: self.minor }
    }
}
