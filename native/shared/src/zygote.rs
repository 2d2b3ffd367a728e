//! What a keeper and its zygotes say to each other, in native words: a child that is about to be a program decodes nothing.
//!
//! ```text
//! keeper  --Setup, PARK, ENTER-->   zygote     on CONTROL
//!         <--READY, pid, REFUSED--
//!         --Order-->                its child  on ORDERS
//! ```
//!
//! Both speak to the supervisor, too: on `JOB`, as every parked child does.

/// Descriptors that a zygote is started with, beside the standard streams.
pub const CONTROL: i32 = 3;
pub const ORDERS: i32 = 4;
/// The parked child's end of the job socket.
pub const JOB: i32 = 5;
/// A memfd with the library itself.
pub const LIBRARY: i32 = 6;

/// From the zygote: it has its modules.
pub const READY: &[u8] = b"ready";
/// From the zygote: it cannot be one; the reason follows, and its standard error may say more.
pub const REFUSED: &[u8] = b"refused ";
/// To the zygote: fork, with the child's control group as descriptor where there is one; answered by the child's pid.
pub const PARK: &[u8] = b"park";
/// To the zygote: these descriptors are the namespaces that the keeper has moved to; answered by a 0.
pub const ENTER: &[u8] = b"enter";

/// Text of an order that is longer lies in its last descriptor.
pub const INLINE_TEXT_BYTES: usize = 32 * 1024;

/// `Order::kind`: the script, in this Python.
pub const SCRIPT: u64 = 0;
/// `Order::kind`: another program, with arguments and environment in the text, each string ended by a NUL.
pub const EXECUTE: u64 = 1;
/// `Order::kind`: nothing; what it was to become could not be prepared, and the keeper has said why.
pub const GIVE_UP: u64 = 2;

/// What a parked child is to become; the text follows. Descriptors: the program's root, its standard streams, and the
/// channel's two if there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Order {
    pub kind: u64,
    pub stack_bytes: u64,
    pub open_files: u64,
    pub file_bytes: u64,
    /// How many of the strings are arguments.
    pub arguments: u64,
    pub text_bytes: u64,
}

impl Order {
    pub const BYTES: usize = size_of::<Self>();

    fn words(&self) -> [u64; 6] {
        [self.kind, self.stack_bytes, self.open_files, self.file_bytes, self.arguments, self.text_bytes]
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.words().iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    /// None if these are fewer bytes than an order has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut words = [0; 6];
        for (word, bytes) in words.iter_mut().zip(bytes.get(..Self::BYTES)?.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().ok()?);
        }
        let [kind, stack_bytes, open_files, file_bytes, arguments, text_bytes] = words;
        Some(Self { kind, stack_bytes, open_files, file_bytes, arguments, text_bytes })
    }
}
