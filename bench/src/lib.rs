//! Whole-system load, comparisons and faults.

<<<<<<< HEAD
pub mod load;
pub mod processes;
=======
pub mod deployment;
>>>>>>> 7cd7d04 (bench: the harness of processes lives in its lib; cli's tests use it)
