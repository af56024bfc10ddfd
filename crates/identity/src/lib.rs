//! Who is calling, in which request: access tokens, callers, service credentials, deadlines.
