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
    long_type: Object,
    stderr: *mut *mut libc::FILE,
    system_exit: Object,
    keyboard_interrupt: Object,
    /// Whether the last code that was run as a file or a text was interrupted, where this version tells.
    was_interrupted: Option<*const c_int>,
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
        let (none, long_type) = (symbol(b"_Py_NoneStruct\0")?, symbol(b"PyLong_Type\0")?);
        let stderr = symbol(b"stderr\0")?.cast();
        let (system_exit, keyboard_interrupt) =
            (exception(b"PyExc_SystemExit\0")?, exception(b"PyExc_KeyboardInterrupt\0")?);
        // SAFETY: both are variables with an exception type; they have their values before Python starts.
        let (system_exit, keyboard_interrupt) = unsafe { (*system_exit, *keyboard_interrupt) };
        let was_interrupted = symbol(b"_Py_UnhandledKeyboardInterrupt\0").map(|place| place.cast_const().cast());
        Some(Self { api, none, long_type, stderr, system_exit, keyboard_interrupt, was_interrupted, minor: 0 })
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
            let builtins = (self.api.PyModule_GetDict)((self.api.PyImport_ImportModule)(c"builtins".as_ptr()));
            // A copy: a program may change its own.
            let copy = (self.api.PyDict_Copy)(builtins);
            (self.api.PyDict_SetItemString)(namespace, c"__builtins__".as_ptr(), copy);
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
            let module = (self.api.PyImport_AddModule)(c"__main__".as_ptr());
            (self.api.Py_IncRef)(module);
            let main = (self.api.PyModule_GetDict)(module);
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
            let code = if !result.is_null() {
                0
            } else if (self.api.PyErr_ExceptionMatches)(self.system_exit) == 1 {
                let code = self.exit_code();
                (self.api.Py_DecRef)(module);
                return End { code, interrupted };
            } else {
                (self.api.PyErr_Print)();
                1
            };
            for name in [c"__file__", c"__cached__"] {
                if (self.api.PyDict_DelItemString)(main, name.as_ptr()) < 0 {
                    (self.api.PyErr_Clear)();
                }
            }
            (self.api.Py_DecRef)(module);
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
                if !self.call_method(stream, c"flush") {
                    (self.api.PyErr_Clear)();
                }
            }
            (self.api.PyErr_Restore)(kind, value, traceback);
        }
    }

    /// The code of the SystemExit that is set, as CPython's handle_system_exit takes or prints it.
    fn exit_code(&self) -> i32 {
        // SAFETY: an exception is set; Fetch gives references away, Restore takes them back.
        unsafe {
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
            let exit_code = if code == self.none {
                0
            } else if (self.api.PyType_IsSubtype)((self.api.PyObject_Type)(code), self.long_type) == 1 {
                // One that is too large is -1.
                (self.api.PyLong_AsLong)(code) as i32
            } else {
                self.print_code(code);
                1
            };
            (self.api.PyErr_Clear)();
            if code != value {
                (self.api.Py_DecRef)(code);
            }
            // What its frames hold goes before the end begins.
            (self.api.PyErr_Restore)(kind, value, traceback);
            (self.api.PyErr_Clear)();
            exit_code
        }
    }

    unsafe fn print_code(&self, code: Object) {
        /// Py_PRINT_RAW.
        const RAW: c_int = 1;
        // SAFETY: the caller's object; sys.stderr may be missing, or what the program put there.
        unsafe {
            let stream = (self.api.PySys_GetObject)(c"stderr".as_ptr());
            let is_there = !stream.is_null() && stream != self.none;
            if is_there {
                (self.api.PyFile_WriteObject)(code, stream, RAW);
            } else {
                (self.api.PyObject_Print)(code, *self.stderr, RAW);
            }
            (self.api.PyErr_Clear)();
            if !is_there || (self.api.PyFile_WriteString)(c"\n".as_ptr(), stream) < 0 {
                (self.api.PyErr_Clear)();
                libc::fputs(c"\n".as_ptr(), *self.stderr);
            }
        }
    }

    /// The first that the interpreter's end does: joins threads and calls what is registered for the exit.
    pub fn wind_up(&self, at_exit: Object) {
        // SAFETY: objects are checked before they are used; `at_exit` is a function without arguments.
        unsafe {
            let modules = (self.api.PyImport_GetModuleDict)();
            let threading = (self.api.PyDict_GetItemString)(modules, c"threading".as_ptr());
            if !threading.is_null() && !self.call_method(threading, c"_shutdown") {
                (self.api.PyErr_WriteUnraisable)(threading);
            }
            if (self.api.PyObject_CallObject)(at_exit, null_mut()).is_null() {
                (self.api.PyErr_Clear)();
            }
        }
    }

    /// As CPython's flush_std_files; whether both could be flushed.
    pub fn flush_streams(&self) -> bool {
        let mut flushed = true;
        // SAFETY: the streams may be missing, or what the program put there.
        unsafe {
            let streams = [c"stdout", c"stderr"].map(|name| (self.api.PySys_GetObject)(name.as_ptr()));
            for (number, stream) in streams.into_iter().enumerate() {
                if stream.is_null() || stream == self.none || self.is_closed(stream) {
                    continue;
                }
                if self.call_method(stream, c"flush") {
                    continue;
                }
                flushed = false;
                if number == 0 {
                    (self.api.PyErr_WriteUnraisable)(stream);
                } else {
                    (self.api.PyErr_Clear)();
                }
            }
        }
        flushed
    }

    /// False with an exception set if it has no such method, or that raises. Holds nothing afterwards.
    unsafe fn call_method(&self, object: Object, name: &CStr) -> bool {
        // SAFETY: the caller's object.
        unsafe {
            let method = (self.api.PyObject_GetAttrString)(object, name.as_ptr());
            if method.is_null() {
                return false;
            }
            let result = (self.api.PyObject_CallObject)(method, null_mut());
            (self.api.Py_DecRef)(method);
            // Py_DecRef takes a NULL.
            (self.api.Py_DecRef)(result);
            !result.is_null()
        }
    }

    unsafe fn is_closed(&self, stream: Object) -> bool {
        // SAFETY: the caller's object.
        unsafe {
            let closed = (self.api.PyObject_GetAttrString)(stream, c"closed".as_ptr());
            let answer = !closed.is_null() && (self.api.PyObject_IsTrue)(closed) == 1;
            (self.api.PyErr_Clear)();
            answer
        }
    }

    /// Collects garbage, unless the program has turned that off.
    pub fn collect(&self) {
        // SAFETY: no arguments.
        unsafe { (self.api.PyGC_Collect)() };
    }

    /// Ends what traces or profiles, so that it sees nothing of what follows; `trace` and `profile` are sys's functions.
    pub fn stop_tracing(&self, trace: Object, profile: Object) {
        // SAFETY: functions without arguments; no function means none.
        unsafe {
            if (self.api.PyObject_CallObject)(trace, null_mut()) != self.none {
                (self.api.PyEval_SetTrace)(null_mut(), null_mut());
            }
            if (self.api.PyObject_CallObject)(profile, null_mut()) != self.none {
                (self.api.PyEval_SetProfile)(null_mut(), null_mut());
            }
        }
    }

    /// Calls it, and if it returns a list, each item of that; exceptions are forgotten.
    pub fn call_steps(&self, function: Object) {
        // SAFETY: a callable without arguments, as are the items; PyList_Size says -1 of what is no list.
        unsafe {
            let steps = (self.api.PyObject_CallObject)(function, null_mut());
            (self.api.PyErr_Clear)();
            if steps.is_null() {
                return;
            }
            for index in 0..(self.api.PyList_Size)(steps) {
                let result = (self.api.PyObject_CallObject)((self.api.PyList_GetItem)(steps, index), null_mut());
                (self.api.Py_DecRef)(result);
                (self.api.PyErr_Clear)();
            }
            (self.api.PyErr_Clear)();
        }
    }

    /// How much the interpreter has made since it last collected garbage, by generation; none of it for this.
    pub fn garbage_counts(&self) -> [i64; 3] {
        // SAFETY: a module that every interpreter has, which nobody has imported; the numbers are in a tuple.
        unsafe {
            let module = (self.api.PyImport_ImportModule)(c"gc".as_ptr());
            let function = (self.api.PyObject_GetAttrString)(module, c"get_count".as_ptr());
            let counts = (self.api.PyObject_CallObject)(function, null_mut());
            (self.api.PyDict_DelItemString)((self.api.PyImport_GetModuleDict)(), c"gc".as_ptr());
            [0, 1, 2].map(|index| (self.api.PyLong_AsLong)((self.api.PyTuple_GetItem)(counts, index)))
        }
    }

    /// The number that it returns.
    pub fn number(&self, function: Object) -> i64 {
        // SAFETY: a function without arguments; what comes back is checked by PyLong_AsLong itself.
        unsafe { (self.api.PyLong_AsLong)((self.api.PyObject_CallObject)(function, null_mut())) }
    }

    /// Whether a function without arguments says so; not if it raises.
    pub fn is_true(&self, function: Object) -> bool {
        // SAFETY: a callable; what it returned is looked at only if it did.
        unsafe {
            let result = (self.api.PyObject_CallObject)(function, null_mut());
            let answer = !result.is_null() && (self.api.PyObject_IsTrue)(result) == 1;
            (self.api.PyErr_Clear)();
            answer
        }
    }

    /// The whole of CPython's own end; whether all could be flushed.
    pub fn finalize(&self) -> bool {
        // SAFETY: nothing of Python is used afterwards.
        unsafe { (self.api.Py_FinalizeEx)() == 0 }
    }

    /// Whether a process that ended so is to die of it.
    pub fn was_interrupted(&self, end: &End) -> bool {
        // SAFETY: a variable of the interpreter's.
        end.interrupted || self.was_interrupted.is_some_and(|place| unsafe { *place } != 0)
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
