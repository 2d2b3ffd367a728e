//! Exact grading of answers to maths problems.

pub mod number;
