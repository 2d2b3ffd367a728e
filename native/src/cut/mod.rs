//! Cuts a large JSON or MessagePack text at the borders of its values, so that it can be decoded piece by piece: one
//! call for all of it would hold Python's lock for as long as it takes.
//!
//! Only the structure is looked at; whoever decodes the pieces judges what is in them. One pass, no recursion, memory
//! for a step per piece.

mod json;
mod msgpack;
#[cfg(test)]
mod tests;

pub use json::json;
pub use msgpack::msgpack;

use std::ops::Range;

/// Deeper than any decoder goes.
const MAX_DEPTH: usize = 1_024;

/// How the text is put together again.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Step {
    /// A container begins whose parts follow; `key` is where its key stands, if it is in a map.
    Open {
        map: bool,
        key: Option<Range<usize>>,
    },
    /// `count` elements of the container that was opened last, or as many pairs.
    Piece {
        range: Range<usize>,
        count: usize,
    },
    Close,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Broken {
    At(usize),
    Ends,
    TooDeep,
}

/// A container that is not closed yet.
struct Frame {
    map: bool,
    start: usize,
    /// Where the element begins that is being read, with its key in a map.
    element: usize,
    key: Option<Range<usize>>,
    /// Elements since the last piece.
    group: Option<Range<usize>>,
    count: usize,
    steps: Vec<Step>,
}

/// Collects what the readers see; texts and containers of up to `piece` bytes stay in one piece.
pub struct Cutter {
    piece: usize,
    frames: Vec<Frame>,
    done: Vec<Step>,
}

impl Cutter {
    fn new(piece: usize) -> Self {
        Self { piece, frames: Vec::new(), done: Vec::new() }
    }

    /// A container begins at `start`.
    fn open(&mut self, map: bool, start: usize) -> Result<(), Broken> {
        if self.frames.len() == MAX_DEPTH {
            return Err(Broken::TooDeep);
        }
        self.frames.push(Frame { map, start, element: start, key: None, group: None, count: 0, steps: Vec::new() });
        Ok(())
    }

    /// An element of the innermost container begins at `start`; in a map with its key.
    fn begin(&mut self, start: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.element = start;
            frame.key = None;
        }
    }

    fn key(&mut self, range: Range<usize>) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key = Some(range);
        }
    }

    /// The element that is being read ends at `end`.
    fn end(&mut self, end: usize) {
        let piece = self.piece;
        let Some(frame) = self.frames.last_mut() else { return };
        let start = frame.group.as_ref().map_or(frame.element, |group| group.start);
        frame.group = Some(start..end);
        frame.count += 1;
        if end - start > piece {
            frame.flush();
        }
    }

    /// The innermost container ends at `end`.
    fn close(&mut self, end: usize) {
        let Some(mut frame) = self.frames.pop() else { return };
        if end - frame.start <= self.piece {
            // Small: an element like any other.
            self.end(end);
            return;
        }
        frame.flush();
        let parent = self.frames.last_mut();
        let key = parent.as_ref().and_then(|parent| parent.key.clone());
        let steps = match parent {
            Some(parent) => {
                parent.flush();
                &mut parent.steps
            }
            None => &mut self.done,
        };
        steps.push(Step::Open { map: frame.map, key });
        steps.append(&mut frame.steps);
        steps.push(Step::Close);
    }

    fn innermost(&self) -> Option<bool> {
        self.frames.last().map(|frame| frame.map)
    }
}

impl Frame {
    fn flush(&mut self) {
        if let Some(range) = self.group.take() {
            self.steps.push(Step::Piece { range, count: self.count });
        }
        self.count = 0;
    }
}
