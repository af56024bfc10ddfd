//! The door over real TCP, in front of scripted services.

mod heads;
mod house;
mod limits;
mod lines;
mod origins;
mod pages;
mod replies;
mod revocations;
mod script;
mod tokens;
