//! A migration whose two directions are SQL text.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};

/// A migration by name and by the SQL of both directions; each runs in one transaction.
pub(crate) struct Migration {
    name: &'static str,
    up: fn() -> String,
    down: fn() -> String,
}

impl Migration {
    /// Takes the file's name and the functions that write the SQL (one or more statements).
    pub(crate) fn new(name: &'static str, up: fn() -> String, down: fn() -> String) -> Self {
        Self { name, up, down }
    }
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
#[allow(
    elided_lifetimes_in_paths,
    reason = "the trait elides it too, and a written one does not match"
)]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(&(self.up)())
            .await
            .map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared(&(self.down)())
            .await
            .map(drop)
    }
}
