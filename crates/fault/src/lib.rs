//! The one error vocabulary, with its gRPC and its HTTP face.
