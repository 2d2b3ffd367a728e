//! The functions of CPython's C API that a zygote calls, found in whatever interpreter it was preloaded into.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};

/// A PyObject.
pub type Object = *mut c_void;

/// A PyStatus.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Status {
    pub kind: c_int,
    pub function: *const c_char,
    pub message: *const c_char,
    pub exit_code: c_int,
}

/// A PyCompilerFlags.
#[repr(C)]
pub struct CompilerFlags {
    pub flags: c_int,
    pub feature_version: c_int,
}

macro_rules! api {
    ($($name:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        pub struct Functions { $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)* }

        impl Functions {
            /// None where one of them is missing.
            #[allow(non_snake_case)]
            pub fn find() -> Option<Self> {
                $(
                    let found = symbol(concat!(stringify!($name), "\0").as_bytes())?;
                    // SAFETY: the C function of this name has this signature in every CPython since 3.9.
                    let $name = unsafe {
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(found)
                    };
                )*
                Some(Self { $($name),* })
            }
        }
    };
}

api! {
    PyConfig_InitPythonConfig(*mut c_void);
    PyConfig_SetBytesArgv(*mut c_void, isize, *const *mut c_char) -> Status;
    Py_InitializeFromConfig(*const c_void) -> Status;
    PyImport_AddModule(*const c_char) -> Object;
    PyImport_ImportModule(*const c_char) -> Object;
    PyModule_GetDict(Object) -> Object;
    PyDict_New() -> Object;
    PyDict_Copy(Object) -> Object;
    PyDict_DelItemString(Object, *const c_char) -> c_int;
    PyDict_GetItemString(Object, *const c_char) -> Object;
    PyDict_SetItemString(Object, *const c_char, Object) -> c_int;
    PyRun_FileExFlags(*mut libc::FILE, *const c_char, c_int, Object, Object, c_int, *mut CompilerFlags) -> Object;
    PyEval_EvalCode(Object, Object, Object) -> Object;
    PyRun_StringFlags(*const c_char, c_int, Object, Object, *mut CompilerFlags) -> Object;
    PyObject_CallObject(Object, Object) -> Object;
    PyObject_IsTrue(Object) -> c_int;
    PyObject_Type(Object) -> Object;
    PyObject_Print(Object, *mut libc::FILE, c_int) -> c_int;
    PyType_IsSubtype(Object, Object) -> c_int;
    PyObject_GetAttrString(Object, *const c_char) -> Object;
    PySys_GetObject(*const c_char) -> Object;
    PyFile_WriteObject(Object, Object, c_int) -> c_int;
    PyFile_WriteString(*const c_char, Object) -> c_int;
    PyList_Size(Object) -> isize;
    PyList_GetItem(Object, isize) -> Object;
    PyTuple_New(isize) -> Object;
    PyTuple_GetItem(Object, isize) -> Object;
    PyTuple_SetItem(Object, isize, Object) -> c_int;
    PyLong_AsLong(Object) -> c_long;
    PyUnicode_DecodeFSDefault(*const c_char) -> Object;
    PyErr_Print();
    PyErr_Clear();
    PyErr_Occurred() -> Object;
    PyErr_ExceptionMatches(Object) -> c_int;
    PyErr_Fetch(*mut Object, *mut Object, *mut Object);
    PyErr_NormalizeException(*mut Object, *mut Object, *mut Object);
    PyErr_Restore(Object, Object, Object);
    PyErr_WriteUnraisable(Object);
    PyEval_SetTrace(*mut c_void, Object);
    PyEval_SetProfile(*mut c_void, Object);
    PyGC_Collect() -> isize;
    PyImport_GetModuleDict() -> Object;
    Py_IncRef(Object);
    Py_DecRef(Object);
    PyOS_BeforeFork();
    PyOS_AfterFork_Parent();
    PyOS_AfterFork_Child();
    Py_FinalizeEx() -> c_int;
}

/// What this process has under a NUL-terminated name.
pub fn symbol(name: &[u8]) -> Option<*mut c_void> {
    let name = CStr::from_bytes_with_nul(name).ok()?;
    // SAFETY: a NUL-terminated string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}
