//! The call path between services: peers by name, deadlines, identity, credentials.
