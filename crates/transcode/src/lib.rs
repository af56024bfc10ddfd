//! The google.api.http engine: routes, and JSON to and from protobuf wire without a message tree.
