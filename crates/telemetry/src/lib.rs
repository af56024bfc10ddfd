//! Logs, metrics and trace context: one set-up for every process.
