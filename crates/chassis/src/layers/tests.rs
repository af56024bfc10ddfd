//! The layers around a small service, called in process.
