//! The one place that sees fred: scripts, streams, signals.
