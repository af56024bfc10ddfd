//! Black-box tests over the public door.

mod edge;
mod events;
mod feed;
mod journey;
mod profiles;
mod races;
mod routes;
mod seed;
mod sessions;
