//! Whole-system load, comparisons and faults.

pub mod deployment;
pub mod faults;
pub mod load;
pub mod peers;
pub mod processes;
pub mod system;
