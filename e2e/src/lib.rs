//! Black-box tests over the public door.
