//! Many sequences under the same rules, told apart by an id each.

use super::rules::{Limits, Rules};
use super::sequence::{BLOCK, Sequence};
use super::state::{self, Damaged};
use super::{Repeat, cpu};

/// How far ahead of the sequence at work memory is asked for: what is at a known place, and what the tokens decide.
const AHEAD: [usize; 2] = [12, 6];

#[derive(Clone, Copy)]
pub enum Tokens<'a> {
    I32(&'a [i32]),
    I64(&'a [i64]),
}

#[derive(Clone, Copy)]
pub enum Logprobs<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// Tokens of many sequences one after the other: those of `ids[k]` from `offsets[k]` up to `offsets[k + 1]`.
pub struct Batch<'a> {
    pub ids: &'a [i64],
    pub tokens: Tokens<'a>,
    pub offsets: &'a [i64],
    pub logprobs: Option<Logprobs<'a>>,
}

/// A value that cannot be taken; nothing was fed.
#[derive(Debug, PartialEq, Clone)]
pub struct Wrong {
    pub field: String,
    pub value: i64,
    pub expected: String,
}

enum State {
    Free,
    Live(Box<Sequence>),
    /// After so many tokens it was told what it repeats.
    Told(Box<Repeat>),
}

struct Slot {
    /// Counts what was here before: an id is never valid again.
    generation: u32,
    state: State,
}

pub struct Detector {
    limits: Limits,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Tokens<'_> {
    fn len(&self) -> usize {
        match self {
            Self::I32(tokens) => tokens.len(),
            Self::I64(tokens) => tokens.len(),
        }
    }

    fn get(&self, k: usize) -> u32 {
        match self {
            Self::I32(tokens) => tokens[k] as u32,
            Self::I64(tokens) => tokens[k] as u32,
        }
    }

    fn read(&self, from: usize, into: &mut [u32]) {
        let to = from + into.len();
        match self {
            Self::I32(tokens) => into.iter_mut().zip(&tokens[from..to]).for_each(|(to, &token)| *to = token as u32),
            Self::I64(tokens) => into.iter_mut().zip(&tokens[from..to]).for_each(|(to, &token)| *to = token as u32),
        }
    }

    /// The first that is no token, with its place.
    fn wrong(&self) -> Option<(usize, i64)> {
        // Whether there is one at all is asked first, as that takes many at a time.
        match self {
            Self::I32(tokens) => {
                let all = tokens.iter().fold(0, |all, &token| all | token);
                (all < 0).then(|| tokens.iter().position(|&token| token < 0)).flatten().map(|k| (k, tokens[k].into()))
            }
            Self::I64(tokens) => {
                let all = tokens.iter().fold(0, |all, &token| all | token);
                let wrong = |&token: &i64| u32::try_from(token).is_err();
                wrong(&all).then(|| tokens.iter().position(wrong)).flatten().map(|k| (k, tokens[k]))
            }
        }
    }
}

impl Logprobs<'_> {
    fn len(&self) -> usize {
        match self {
            Self::F32(logprobs) => logprobs.len(),
            Self::F64(logprobs) => logprobs.len(),
        }
    }

    fn read(&self, from: usize, into: &mut [f64]) {
        let to = from + into.len();
        match self {
            Self::F32(all) => into.iter_mut().zip(&all[from..to]).for_each(|(to, &one)| *to = one.into()),
            Self::F64(all) => into.copy_from_slice(&all[from..to]),
        }
    }
}

impl Detector {
    /// Fails with the rule that has no allowed value, and what is expected there.
    pub fn new(rules: Rules) -> Result<Self, (&'static str, String)> {
        Ok(Self { limits: Limits::of(rules)?, slots: Vec::new(), free: Vec::new() })
    }

    /// A new sequence, or one that goes on from where `state` was taken.
    pub fn open(&mut self, state: Option<&[u8]>) -> Result<i64, Damaged> {
        let state = match state {
            None => State::Live(Box::new(Sequence::new(&self.limits))),
            Some(bytes) => match state::read(bytes, &self.limits)? {
                state::Restored::Live(sequence) => State::Live(sequence),
                state::Restored::Told(repeat) => State::Told(Box::new(repeat)),
            },
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, state: State::Free });
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        slot.state = state;
        Ok(i64::from(slot.generation) << 32 | i64::from(index))
    }

    fn slot(&self, id: i64) -> Option<&Slot> {
        let slot = self.slots.get((id & 0xFFFF_FFFF) as usize)?;
        (i64::from(slot.generation) == id >> 32 && !matches!(slot.state, State::Free)).then_some(slot)
    }

    /// What was found in a sequence, if anything; None for an unknown id.
    pub fn told(&self, id: i64) -> Option<Option<Repeat>> {
        self.slot(id).map(|slot| if let State::Told(repeat) = &slot.state { Some(**repeat) } else { None })
    }

    pub fn state(&self, id: i64) -> Option<Vec<u8>> {
        match &self.slot(id)?.state {
            State::Live(sequence) => Some(state::of_live(sequence, &self.limits)),
            State::Told(repeat) => Some(state::of_told(repeat, &self.limits)),
            State::Free => None,
        }
    }

    /// Forget a sequence; whether there was one.
    pub fn close(&mut self, id: i64) -> bool {
        if self.slot(id).is_none() {
            return false;
        }
        let index = (id & 0xFFFF_FFFF) as usize;
        let slot = &mut self.slots[index];
        slot.state = State::Free;
        // A slot whose ids are used up stays empty.
        if slot.generation < i32::MAX as u32 {
            slot.generation += 1;
            self.free.push(index as u32);
        }
        true
    }

    /// Sequences that were opened and not closed.
    pub fn len(&self) -> usize {
        self.slots.iter().filter(|slot| !matches!(slot.state, State::Free)).count()
    }

    pub fn bytes(&self) -> usize {
        let held = self.slots.iter().map(|slot| match &slot.state {
            State::Live(sequence) => sequence.bytes(),
            State::Told(_) => size_of::<Repeat>(),
            State::Free => 0,
        });
        held.sum::<usize>() + self.slots.capacity() * size_of::<Slot>() + self.free.capacity() * size_of::<u32>()
    }

    /// Feed them all, in order; which of them repeat themselves from now on. Those known to do so are passed over.
    pub fn feed(&mut self, batch: &Batch<'_>) -> Result<Vec<(i64, Repeat)>, Wrong> {
        self.check(batch)?;
        let mut told = Vec::new();
        for (k, &id) in batch.ids.iter().enumerate() {
            self.look_ahead(batch, k);
            let (from, to) = (batch.offsets[k] as usize, batch.offsets[k + 1] as usize);
            let slot = &mut self.slots[(id & 0xFFFF_FFFF) as usize];
            let State::Live(sequence) = &mut slot.state else { continue };
            if let Some(repeat) = feed(sequence, batch, from, to, &self.limits) {
                slot.state = State::Told(Box::new(repeat));
                told.push((id, repeat));
            }
        }
        Ok(told)
    }

    fn check(&self, batch: &Batch<'_>) -> Result<(), Wrong> {
        let wrong = |field, value, expected| Err(Wrong { field, value, expected });
        let tokens = batch.tokens.len();
        if batch.offsets.len() != batch.ids.len() + 1 {
            let expected = format!("expected {}, one more than ids", batch.ids.len() + 1);
            return wrong("len(offsets)".to_owned(), batch.offsets.len() as i64, expected);
        }
        let mut least = 0;
        for (k, &offset) in batch.offsets.iter().enumerate() {
            let expected = match k {
                0 => offset == 0,
                _ if k == batch.ids.len() => offset == tokens as i64 && offset >= least,
                _ => (least..=tokens as i64).contains(&offset),
            };
            if !expected || (batch.ids.is_empty() && tokens > 0) {
                let message = format!("expected them to rise from 0 to {tokens}, the number of tokens");
                return wrong(format!("offsets[{k}]"), offset, message);
            }
            least = offset;
        }
        if let Some(logprobs) = batch.logprobs.filter(|logprobs| logprobs.len() != tokens) {
            let expected = format!("expected {tokens}, as many as tokens");
            return wrong("len(logprobs)".to_owned(), logprobs.len() as i64, expected);
        }
        if let Some(k) = batch.ids.iter().position(|&id| self.slot(id).is_none()) {
            return wrong(format!("ids[{k}]"), batch.ids[k], "expected the id of an open sequence".to_owned());
        }
        if let Some((k, value)) = batch.tokens.wrong() {
            return wrong(format!("tokens[{k}]"), value, format!("expected 0 to {}", u32::MAX));
        }
        Ok(())
    }

    /// With thousands of sequences, nothing is in the cache when its turn comes: ask for it some turns before.
    fn look_ahead(&self, batch: &Batch<'_>, k: usize) {
        let sequence = |ahead: usize| {
            let &id = batch.ids.get(k + ahead)?;
            let State::Live(sequence) = &self.slots[(id & 0xFFFF_FFFF) as usize].state else { return None };
            Some(sequence)
        };
        if let Some(sequence) = sequence(AHEAD[0]) {
            let address: *const u8 = (&raw const **sequence).cast();
            (0..size_of::<Sequence>()).step_by(64).for_each(|line| cpu::prefetch(address.wrapping_add(line)));
        }
        if let Some(sequence) = sequence(AHEAD[1]) {
            let (from, to) = (batch.offsets[k + AHEAD[1]] as usize, batch.offsets[k + AHEAD[1] + 1] as usize);
            if from < to {
                sequence.aim(batch.tokens.get(from), to - from);
            }
        }
    }
}

fn feed(sequence: &mut Sequence, batch: &Batch<'_>, from: usize, to: usize, limits: &Limits) -> Option<Repeat> {
    if to == from + 1 && batch.logprobs.is_none() {
        return sequence.feed(&[batch.tokens.get(from)], None, limits);
    }
    let (mut tokens, mut logprobs) = ([0; BLOCK], [0.0; BLOCK]);
    let mut at = from;
    while at < to {
        let tokens = &mut tokens[..sequence.block().min(to - at)];
        batch.tokens.read(at, tokens);
        let logprobs = batch.logprobs.map(|all| {
            let logprobs = &mut logprobs[..tokens.len()];
            all.read(at, logprobs);
            &*logprobs
        });
        let repeat = sequence.feed(tokens, logprobs, limits);
        if repeat.is_some() {
            return repeat;
        }
        at += tokens.len();
    }
    None
}
