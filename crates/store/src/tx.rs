//! An open transaction, and what is to be done once it is committed.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use fault::Result;
use sea_orm::DatabaseTransaction;

use crate::fault;
use crate::unit::Unit;

/// Something to be done after the commit.
pub(crate) type Step = Box<dyn FnOnce() + Send>;

/// An open transaction; dropping it rolls back.
pub struct Tx {
    inner: DatabaseTransaction,
    // Behind a lock only so that a shared transaction may be used across awaits.
    after: Mutex<Vec<Step>>,
    /// The unit it belongs to, and whether it is a savepoint in what the unit holds already.
    unit: Option<(Arc<Unit>, bool)>,
}

impl Tx {
    pub(crate) fn new(inner: DatabaseTransaction, unit: Option<(Arc<Unit>, bool)>) -> Self {
        Self {
            inner,
            after: Mutex::default(),
            unit,
        }
    }

    /// Keeps a step until the transaction is committed; rolled back, it never runs. It must not block.
    pub fn after_commit(&self, step: impl FnOnce() + Send + 'static) {
        let mut after = self.after.lock().unwrap_or_else(PoisonError::into_inner);
        after.push(Box::new(step));
    }

    /// Commits, then runs the kept steps in the order they were given. In a [`Unit`] of work both wait for the
    /// unit's end.
    ///
    /// # Errors
    /// See [`fault`](crate::fault); when the connection is lost here the outcome is unknown.
    pub async fn commit(self) -> Result<()> {
        let Self { inner, after, unit } = self;
        let after = after.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some((unit, nested)) = unit {
            return unit.keep(inner, nested, after).await;
        }
        inner.commit().await.map_err(fault)?;
        for step in after {
            step();
        }
        Ok(())
    }

    /// Rolls back at once instead of when the connection is used next.
    ///
    /// # Errors
    /// See [`fault`](crate::fault); the pool then drops the connection.
    pub async fn rollback(self) -> Result<()> {
        self.inner.rollback().await.map_err(fault)
    }

    pub(crate) fn with_steps(inner: DatabaseTransaction, after: Vec<Step>) -> Self {
        Self {
            inner,
            after: Mutex::new(after),
            unit: None,
        }
    }
}

impl Deref for Tx {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl fmt::Debug for Tx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}
