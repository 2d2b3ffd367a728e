//! What needs the processor's own words: bytes compared many at a time, and memory asked for before it is needed.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

/// Bit k: whether byte k is `wanted`.
#[cfg(target_arch = "x86_64")]
pub fn equal_bytes(bytes: &[u8; 64], wanted: u8) -> u64 {
    // SAFETY: SSE2 is part of x86-64, and each load takes 16 of the 64 bytes.
    unsafe {
        let wanted = x86::_mm_set1_epi8(wanted as i8);
        let quarter = |from: usize| {
            let part = x86::_mm_loadu_si128(bytes.as_ptr().add(from).cast());
            u64::from(x86::_mm_movemask_epi8(x86::_mm_cmpeq_epi8(part, wanted)) as u32) << from
        };
        quarter(0) | quarter(16) | quarter(32) | quarter(48)
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn equal_bytes(bytes: &[u8; 64], wanted: u8) -> u64 {
    bytes.iter().enumerate().fold(0, |found, (k, &byte)| found | u64::from(byte == wanted) << k)
}

/// Bit k: whether word k is `wanted`.
#[cfg(target_arch = "x86_64")]
pub fn equal_words(words: &[u16; 16], wanted: u16) -> u32 {
    // SAFETY: SSE2 is part of x86-64, and each load takes 8 of the 16 words.
    unsafe {
        let wanted = x86::_mm_set1_epi16(wanted as i16);
        let half = |from: usize| x86::_mm_cmpeq_epi16(x86::_mm_loadu_si128(words.as_ptr().add(from).cast()), wanted);
        x86::_mm_movemask_epi8(x86::_mm_packs_epi16(half(0), half(8))) as u32
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn equal_words(words: &[u16; 16], wanted: u16) -> u32 {
    words.iter().enumerate().fold(0, |found, (k, &word)| found | u32::from(word == wanted) << k)
}

/// Have the line of `place` brought into the cache.
#[inline]
pub fn prefetch<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which faults for no address.
    unsafe {
        x86::_mm_prefetch::<{ x86::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_byte_and_word_has_its_bit(bytes: [u8; 32], more: [u8; 32], words in proptest::array::uniform16(0u16..4)) {
            let all: Vec<u8> = bytes.iter().chain(&more).map(|byte| byte % 4).collect();
            let all: [u8; 64] = all.try_into().unwrap();
            for wanted in 0..4u8 {
                for k in 0..64 {
                    prop_assert_eq!(equal_bytes(&all, wanted) >> k & 1 == 1, all[k] == wanted);
                }
                for k in 0..16 {
                    prop_assert_eq!(equal_words(&words, wanted.into()) >> k & 1 == 1, words[k] == u16::from(wanted));
                }
                prop_assert_eq!(equal_words(&words, wanted.into()) >> 16, 0);
            }
        }
    }
}
