//! SeaORM entities, one folder a service, one file a table.
