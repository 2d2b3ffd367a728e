use super::peers::{Automaton, Naive, Peer};
use super::*;
use proptest::prelude::*;

/// A window so small that streams of some thousand tokens fill it many times.
const SMALL: Rules = Rules { window: 256, ..DEFAULT };
const DEFAULT: Rules = Rules {
    loop_copies: 4,
    loop_tokens: 64,
    near_share: 0.6,
    window: 4_096,
    certain_tokens: 3_000,
    certain_probability: 0.99,
};

fn naive(rules: Rules, tokens: &[u32]) -> Option<Repeat> {
    let mut naive = Naive::new(rules).unwrap();
    tokens.iter().find_map(|&token| naive.push(token))
}

/// One sequence, fed in pieces of these lengths in turn, and saved and restored after every `save`th.
fn ours(rules: Rules, tokens: &[u32], pieces: &[usize], save: usize) -> Option<Repeat> {
    let mut detector = Detector::new(rules).unwrap();
    let mut id = detector.open(None).unwrap();
    let tokens: Vec<i64> = tokens.iter().map(|&token| token.into()).collect();
    let (mut at, mut piece) = (0, 0);
    while at < tokens.len() {
        let to = tokens.len().min(at + pieces[piece % pieces.len()]);
        let offsets = [0, (to - at) as i64];
        let batch = Batch { ids: &[id], tokens: Tokens::I64(&tokens[at..to]), offsets: &offsets, logprobs: None };
        let told = detector.feed(&batch).unwrap();
        if let Some(&(told_id, repeat)) = told.first() {
            assert_eq!((told_id, detector.told(id)), (id, Some(Some(repeat))));
            return Some(repeat);
        }
        (at, piece) = (to, piece + 1);
        if piece % save == 0 {
            let bytes = detector.state(id).unwrap();
            assert!(detector.close(id));
            let mut other = Detector::new(rules).unwrap();
            id = other.open(Some(&bytes)).unwrap();
            assert!(other.state(id).unwrap() == bytes);
            detector = other;
        }
    }
    assert_eq!(detector.told(id), Some(None));
    None
}

/// What a degenerate model writes: texts, loops with changing counters, loops within loops, stretches of one token.
fn stream() -> impl Strategy<Value = Vec<u32>> {
    let text = (1usize..400, 1u32..2_000, any::<u64>()).prop_map(|(length, words, seed)| random(length, words, seed));
    let repeated = (1usize..300, 1usize..12, 1u32..60, any::<u64>(), 0u32..3).prop_map(
        |(period, copies, words, seed, counters)| {
            let copy = random(period, words, seed);
            let counted = |k: u32| copy.iter().copied().chain((0..counters).map(move |c| 10_000 + k * (c + 1)));
            (0..copies as u32).flat_map(counted).collect()
        },
    );
    proptest::collection::vec(prop_oneof![text, repeated], 1..8).prop_map(|parts| parts.concat())
}

fn random(length: usize, words: u32, mut seed: u64) -> Vec<u32> {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u32 % words
    };
    (0..length).map(|_| next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_says_what_the_rules_say(tokens in stream(), pieces in proptest::collection::vec(1usize..200, 1..4)) {
        let expected = naive(SMALL, &tokens);
        prop_assert_eq!(ours(SMALL, &tokens, &pieces, usize::MAX), expected);
        prop_assert_eq!(ours(SMALL, &tokens, &[tokens.len()], usize::MAX), expected);
        prop_assert_eq!(ours(SMALL, &tokens, &pieces, 1), expected);
    }

    #[test]
    fn any_bytes_are_a_state_or_damaged(tokens in stream(), at: prop::sample::Index, xor in 1u8.., cut: prop::sample::Index) {
        let mut detector = Detector::new(SMALL).unwrap();
        let id = detector.open(None).unwrap();
        let tokens: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
        let offsets = [0, tokens.len() as i64];
        detector.feed(&Batch { ids: &[id], tokens: Tokens::I32(&tokens), offsets: &offsets, logprobs: None }).unwrap();
        let mut bytes = detector.state(id).unwrap();
        let opened = detector.len();
        prop_assert!(detector.open(Some(&bytes[..cut.index(bytes.len())])).is_err());
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        prop_assert!(detector.open(Some(&bytes)).is_err());
        prop_assert_eq!(detector.len(), opened);
    }
}

#[test]
fn a_loop_is_told_at_the_token_that_makes_it_one() {
    for period in 1..=64u32 {
        let text = random(500, 50_000, period.into());
        let enough = (3 * period).max(64) as usize;
        let copies = (0..period).cycle().map(|token| 60_000 + token);
        let tokens: Vec<u32> = text.iter().copied().chain(copies.take(period as usize + enough)).collect();
        let (at, period) = (tokens.len() as u64, period.into());
        let expected = Repeat { kind: Kind::Loop, at, start: 500, period };
        assert_eq!(ours(DEFAULT, &tokens, &[1], usize::MAX), Some(expected));
        assert_eq!(expected.truncate_at(), 500 + period);
        assert_eq!(ours(DEFAULT, &tokens[..tokens.len() - 1], &[7], usize::MAX), None);
    }
}

#[test]
fn a_period_above_64_is_a_near_loop() {
    for period in [65usize, 100, 1_000, 4_000] {
        let text = random(3_000, 50_000, 1);
        let copy = random(period, 50_000, 2);
        let tokens: Vec<u32> = text.into_iter().chain(copy.iter().copied().cycle().take(8_000)).collect();
        let found = ours(DEFAULT, &tokens, &[64], 10).unwrap();
        assert_eq!((found.kind, found.truncate_at()), (Kind::NearLoop, 3_000 + period as u64));
        assert_eq!(found, naive(DEFAULT, &tokens).unwrap());
    }
}

#[test]
fn equal_hashes_are_no_repeat() {
    // Added to three tokens in a row, these leave the hash of every 16-gram with all three as it was.
    let collision = [2_132_347, 921_068, 189_632];
    let text = random(1_000, 1 << 24, 6);
    let mut other = text.clone();
    for at in (0..980).step_by(20) {
        (0..3).for_each(|k| other[at + k] += collision[k]);
    }
    let tokens = [text.clone(), other.clone(), text, other].concat();
    let found = ours(Rules { window: 1_024, ..DEFAULT }, &tokens, &[50], usize::MAX);
    assert_eq!(found, naive(Rules { window: 1_024, ..DEFAULT }, &tokens));
    assert_eq!(found, None);
}

#[test]
fn copies_further_apart_than_the_window_are_none() {
    let copy = random(4_200, 50_000, 3);
    assert_eq!(ours(DEFAULT, &copy.repeat(5), &[1_000], usize::MAX), None);
}

#[test]
fn certain_tokens_in_a_row() {
    let mut detector = Detector::new(Rules { certain_tokens: 100, ..DEFAULT }).unwrap();
    let id = detector.open(None).unwrap();
    let tokens: Vec<i32> = random(400, 50_000, 4).iter().map(|&token| token as i32).collect();
    let mut logprobs = vec![-0.001_f32; 400];
    (logprobs[90], logprobs[180]) = (-0.02, f32::NAN);
    let (mut told, offsets) = (vec![], [0, 10]);
    for k in (0..400).step_by(10) {
        let tokens = Tokens::I32(&tokens[k..k + 10]);
        let logprobs = Some(Logprobs::F32(&logprobs[k..k + 10]));
        told.extend(detector.feed(&Batch { ids: &[id], tokens, offsets: &offsets, logprobs }).unwrap());
    }
    assert_eq!(told, [(id, Repeat { kind: Kind::Certain, at: 281, start: 181, period: 0 })]);
}

#[test]
fn a_refused_batch_feeds_nothing() {
    let mut detector = Detector::new(DEFAULT).unwrap();
    let ids = [detector.open(None).unwrap(), detector.open(None).unwrap()];
    let before = detector.state(ids[0]).unwrap();
    let batch = Batch { ids: &ids, tokens: Tokens::I64(&[1, 2, 3]), offsets: &[0, 1, 3], logprobs: None };
    let cases: [(Batch<'_>, &str); 9] = [
        (Batch { offsets: &[0, 3], ..batch }, "len(offsets)"),
        (Batch { offsets: &[1, 1, 3], ..batch }, "offsets[0]"),
        (Batch { offsets: &[0, 4, 3], ..batch }, "offsets[1]"),
        (Batch { offsets: &[0, -1, 3], ..batch }, "offsets[1]"),
        (Batch { offsets: &[0, 1, 2], ..batch }, "offsets[2]"),
        (Batch { ids: &[ids[0], 7], ..batch }, "ids[1]"),
        (Batch { tokens: Tokens::I64(&[1, 2, -3]), ..batch }, "tokens[2]"),
        (Batch { tokens: Tokens::I64(&[1, 1 << 32, 3]), ..batch }, "tokens[1]"),
        (Batch { logprobs: Some(Logprobs::F64(&[0.0])), ..batch }, "len(logprobs)"),
    ];
    for (batch, field) in cases {
        assert_eq!(detector.feed(&batch).unwrap_err().field, field);
    }
    assert!(detector.close(ids[1]) && !detector.close(ids[1]));
    assert_eq!(detector.feed(&batch).unwrap_err().field, "ids[1]");
    assert_ne!(detector.open(None).unwrap(), ids[1]);
    assert!(detector.state(ids[0]).unwrap() == before);
}

#[test]
fn memory_grows_with_the_sequence() {
    let mut detector = Detector::new(DEFAULT).unwrap();
    let id = detector.open(None).unwrap();
    let mut sizes = vec![detector.bytes()];
    for length in [200, 800, 20_000] {
        let tokens: Vec<i32> = random(length, 50_000, length as u64).iter().map(|&token| token as i32).collect();
        let offsets = [0, length as i64];
        detector.feed(&Batch { ids: &[id], tokens: Tokens::I32(&tokens), offsets: &offsets, logprobs: None }).unwrap();
        sizes.push(detector.bytes());
    }
    assert!(sizes[1] < 6 << 10 && sizes[2] < 22 << 10 && sizes[3] < 82 << 10, "{sizes:?}");
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for (rules, field) in [
        (Rules { window: 1_000, ..DEFAULT }, "window"),
        (Rules { window: 1 << 16, ..DEFAULT }, "window"),
        (Rules { loop_copies: 1, ..DEFAULT }, "loop_copies"),
        (Rules { loop_copies: 5, ..SMALL }, "loop_copies"),
        (Rules { loop_tokens: 0, ..DEFAULT }, "loop_tokens"),
        (Rules { loop_tokens: 193, ..SMALL }, "loop_tokens"),
        (Rules { near_share: f64::NAN, ..DEFAULT }, "near_share"),
        (Rules { certain_tokens: 0, ..DEFAULT }, "certain_tokens"),
        (Rules { certain_probability: 1.0, ..DEFAULT }, "certain_probability"),
    ] {
        assert_eq!(Detector::new(rules).err().unwrap().0, field);
    }
}

#[test]
fn the_peer_knows_what_was_there_before() {
    let mut automaton = Automaton::new(SMALL).unwrap();
    let tokens = random(3_000, 3, 5);
    for place in 0..tokens.len() {
        let seen = automaton.extend(tokens[place]) as usize;
        let there = |length: usize| {
            let gram = &tokens[place + 1 - length..=place];
            tokens[..place].windows(length).any(|other| other == gram)
        };
        assert!((seen == 0 || there(seen)) && (seen == place + 1 || !there(seen + 1)), "{place}");
    }
}
