//! The unit of work of one request: whatever it commits becomes true together, with what its owner adds at the end (ID-2).

use std::fmt;
use std::sync::Arc;

use fault::{Fault, Result};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, Statement, TransactionTrait,
};
use tokio::sync::Mutex;

use crate::tx::Step;
use crate::{Tx, fault};

/// Attached to a request's context, it holds the request's committed transaction open until [`Unit::end`].
#[derive(Default)]
pub struct Unit {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    transaction: Option<DatabaseTransaction>,
    after: Vec<Step>,
    ended: bool,
}

impl Unit {
    /// A unit in which nothing has been committed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the unit and returns what the request has committed, to be committed in truth or rolled back; nothing
    /// when it has committed nothing. Whatever the request begins later fails.
    pub async fn end(&self) -> Option<Tx> {
        let mut held = self.held.lock().await;
        held.ended = true;
        let after = std::mem::take(&mut held.after);
        let transaction = held.transaction.take()?;
        Some(Tx::with_steps(transaction, after))
    }

    /// Returns a savepoint in what is held, if anything is.
    pub(crate) async fn go_on(&self) -> Result<Option<DatabaseTransaction>> {
        let held = self.held.lock().await;
        if held.ended {
            return Err(over());
        }
        match &held.transaction {
            Some(transaction) => transaction.begin().await.map(Some).map_err(fault),
            None => Ok(None),
        }
    }

    /// Takes over what the request commits.
    pub(crate) async fn keep(
        &self,
        inner: DatabaseTransaction,
        nested: bool,
        after: Vec<Step>,
    ) -> Result<()> {
        let mut held = self.held.lock().await;
        if held.ended {
            return Err(over());
        }
        if nested {
            inner.commit().await.map_err(fault)?;
        } else if held.transaction.is_none() {
            held.transaction = Some(inner);
        } else {
            return Err(Fault::internal(
                "two transactions of one unit of work were open side by side",
            ));
        }
        held.after.extend(after);
        Ok(())
    }
}

/// Only work that outlives its request comes too late.
fn over() -> Fault {
    Fault::internal("the unit of work has ended")
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit").finish_non_exhaustive()
    }
}

/// Reads what one request may see: through its unit of work while that holds something, else through the pool.
#[derive(Clone, Debug)]
pub struct CallConnection {
    pool: DatabaseConnection,
    unit: Option<Arc<Unit>>,
}

type Ran<T> = std::result::Result<T, DbErr>;

/// Runs a statement where the request's own effects are.
macro_rules! run {
    ($self:ident, $call:ident, $statement:expr) => {{
        if let Some(unit) = &$self.unit {
            let held = unit.held.lock().await;
            if let Some(transaction) = &held.transaction {
                return transaction.$call($statement).await;
            }
        }
        $self.pool.$call($statement).await
    }};
}

impl CallConnection {
    pub(crate) fn new(pool: DatabaseConnection, unit: Option<Arc<Unit>>) -> Self {
        Self { pool, unit }
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for CallConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Ran<ExecResult> {
        run!(self, execute_raw, statement)
    }

    async fn execute_unprepared(&self, sql: &str) -> Ran<ExecResult> {
        run!(self, execute_unprepared, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Ran<Option<QueryResult>> {
        run!(self, query_one_raw, statement)
    }

    async fn query_all_raw(&self, statement: Statement) -> Ran<Vec<QueryResult>> {
        run!(self, query_all_raw, statement)
    }
}
