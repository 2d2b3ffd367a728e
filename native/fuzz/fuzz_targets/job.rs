#![no_main]

use assay_fuzz::check::message;
use assay_shared::wire::Job;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| message::<Job>(bytes));
