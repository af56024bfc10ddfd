//! The log of this process, kept.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

/// Everything that was logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// How many bytes there are by now.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// What was logged from there on.
    pub(crate) fn since(&self, start: usize) -> String {
        let bytes = self.0.lock().unwrap();
        String::from_utf8(bytes[start..].to_vec()).expect("lines are UTF-8")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
