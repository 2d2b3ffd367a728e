//! What one input takes: its thread's CPU time, and memory at its peak.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const BYTES: usize = 16 << 20;
/// 20 ms as users have it, times six: so much do counted edges and checked arithmetic make of what is dear.
const TIME: Duration = Duration::from_millis(20 * 6);

/// Run what may take neither more time nor more memory than one answer may.
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let (before, began) = (LIVE.load(Relaxed), cpu_time());
    PEAK.store(before, Relaxed);
    let result = work();
    let (time, bytes) = (cpu_time() - began, PEAK.load(Relaxed) - before);
    assert!(time <= TIME, "took {} ms", time.as_millis());
    assert!(bytes <= BYTES, "took {} KiB", bytes >> 10);
    result
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` outlives the call, which writes nothing else.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "a thread has its clock");
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// libFuzzer counts allocations with a sanitizer alone.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn grown(bytes: usize) {
    PEAK.fetch_max(LIVE.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: the system's allocator, given on as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(layout.size(), Relaxed);
        grown(size);
        // SAFETY: the caller's promises are the same.
        unsafe { System.realloc(place, layout, size) }
    }
}
