//! Domain events: outbox, relay, consumers, dead letters.
