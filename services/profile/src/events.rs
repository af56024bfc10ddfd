//! What the service tells the others, and what it does when they tell it something.

mod consume;
pub(crate) mod publish;

pub(crate) use consume::consumer;
