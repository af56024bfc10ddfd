//! Whole-system load, comparisons and faults.

pub mod load;
pub mod processes;
