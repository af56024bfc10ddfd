//! SeaORM migrations of every schema, roles and row level security included.
