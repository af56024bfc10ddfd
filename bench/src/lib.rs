//! Whole-system load, comparisons and faults.
