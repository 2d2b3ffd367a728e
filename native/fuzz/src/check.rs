//! Bytes from the other side of a socket are a message or a fault, never a panic or a flood of memory.

use assay_shared::wire::{FromKeeper, FromParked, FromSupervisor, Job, Launch, ToKeeper, ToSupervisor, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

type Check = fn(&[u8]);

/// Every message, by the name of its target and of its folder of seeds.
pub const MESSAGES: [(&str, Check); 7] = [
    ("to_supervisor", message::<ToSupervisor>),
    ("from_supervisor", message::<FromSupervisor>),
    ("job", message::<Job>),
    ("launch", message::<Launch>),
    ("to_keeper", message::<ToKeeper>),
    ("from_keeper", message::<FromKeeper>),
    ("from_parked", message::<FromParked>),
];

/// What decodes is what its sender would have encoded: it decodes again to the same.
pub fn message<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(first) = decode::<T>(bytes) else { return };
    let encoded = encode(&first).expect("a message that was decoded");
    let again = decode::<T>(&encoded).expect("a message that was encoded");
    assert_eq!(encode(&again).expect("the same again"), encoded);
}
