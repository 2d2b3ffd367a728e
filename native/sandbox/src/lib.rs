//! Empty: only a crate with a library can be named as a dependency, and only what is named goes into the sdist. The program
//! is `main.rs`, whose modules are private, so that the compiler tells what nobody calls.
