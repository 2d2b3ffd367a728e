//! What the extension and the static program have in common: what failed, the system calls that std lacks, and what the
//! processes say to each other.

pub mod fault;
pub mod outbox;
pub mod sys;
pub mod wire;
pub mod zygote;
