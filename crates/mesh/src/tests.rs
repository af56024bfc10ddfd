//! The channel's promises, against a scripted service.
