use super::*;
use proptest::prelude::*;

fn piece(range: Range<usize>, count: usize) -> Step {
    Step::Piece { range, count }
}

#[test]
fn what_is_small_stays_whole() {
    for text in ["[]", "{}", " [1, {\"a\": [2]}] ", "7", "\"a long text is no container\"", "null"] {
        assert_eq!(json(text.as_bytes(), 16), Ok(vec![]), "{text}");
    }
}

#[test]
fn a_long_list_is_cut_between_its_elements() {
    let opened = Step::Open { map: false, key: None };
    assert_eq!(
        json(b"[1,22 , [3],\"]\\\"]\",5]", 4),
        Ok(vec![opened, piece(1..11, 3), piece(12..18, 1), piece(19..20, 1), Step::Close])
    );
}

#[test]
fn a_large_value_in_a_map_is_opened_under_its_key() {
    let text = b"{\"a\":1,\"b\":[10,20,30],\"c\":2}";
    assert_eq!(
        json(text, 8),
        Ok(vec![
            Step::Open { map: true, key: None },
            piece(1..6, 1),
            Step::Open { map: false, key: Some(7..10) },
            piece(12..20, 3),
            Step::Close,
            piece(22..27, 1),
            Step::Close,
        ])
    );
}

#[test]
fn broken_structure_is_told() {
    for (text, broken) in [
        ("", Broken::Ends),
        ("[1", Broken::Ends),
        ("[1,]", Broken::At(3)),
        ("[1 2]", Broken::At(3)),
        ("[1}", Broken::At(2)),
        ("{1:2}", Broken::At(1)),
        ("{\"a\" 1}", Broken::At(5)),
        ("{\"a\":}", Broken::At(5)),
        ("{\"a\":1,}", Broken::At(7)),
        ("[1] 2", Broken::At(4)),
        ("\"abc", Broken::Ends),
        ("\"abc\\", Broken::Ends),
    ] {
        assert_eq!(json(text.as_bytes(), 1), Err(broken), "{text}");
    }
    assert_eq!(json("[".repeat(2_000).as_bytes(), 1), Err(Broken::TooDeep));
    assert_eq!(msgpack(&[0x91].repeat(2_000), 1), Err(Broken::TooDeep));
    for text in [&[][..], &[0x92, 1], &[0xdd, 0xff, 0xff, 0xff, 0xff, 1], &[0x81, 0x90, 1], &[0xc1], &[1, 2]] {
        assert!(msgpack(text, 1).is_err(), "{text:?}");
    }
}

/// Pieces come in the text's order, never overlap, and what is opened is closed.
fn in_order(steps: &[Step], length: usize) -> bool {
    let (mut last, mut open) = (0, 0);
    for step in steps {
        match step {
            Step::Open { key, .. } => {
                open += 1;
                if let Some(key) = key {
                    if key.start < last || key.end > length {
                        return false;
                    }
                    last = key.end;
                }
            }
            Step::Piece { range, count } => {
                if *count == 0 || range.start < last || range.end <= range.start || range.end > length {
                    return false;
                }
                last = range.end;
            }
            Step::Close => open -= 1,
        }
    }
    open == 0
}

proptest! {
    #[test]
    fn any_bytes_end_in_steps_or_in_an_error(text: Vec<u8>, size in 1usize..32) {
        for found in [json(&text, size), msgpack(&text, size)].into_iter().flatten() {
            prop_assert!(in_order(&found, text.len()));
        }
    }

    #[test]
    fn any_brackets_end_in_steps_or_in_an_error(text in "[\\[\\]{}\",:0\\\\ ]{0,64}", size in 1usize..16) {
        if let Ok(found) = json(text.as_bytes(), size) {
            prop_assert!(in_order(&found, text.len()));
        }
    }
}
