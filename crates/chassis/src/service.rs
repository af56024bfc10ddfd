//! What a service is, what it gets and what it gives.

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Keys, Routes, Task};

/// A service: hosted alone, beside the others, or in a test, always the same.
#[async_trait]
pub trait Service: 'static {
    /// The name peers call it by, which is also the domain of its proto package.
    const NAME: &'static str;

    /// Its own knobs; foreign ones are out of its sight.
    type Config: Serialize + DeserializeOwned + Default + Clone + Send;

    /// Builds the service. Peers may not be hosted yet: they are found when called.
    ///
    /// # Errors
    /// Whatever makes the service impossible; the process then does not start.
    async fn build(kit: Kit, config: Self::Config) -> anyhow::Result<Parts>;
}

/// What a service gets.
#[derive(Clone, Debug)]
pub struct Kit {
    /// Its pool, signed in as its own role.
    pub db: store::Db,
    /// Redis, shared with the others; keys are namespaced by the service.
    pub redis: redis::Redis,
    /// The other services.
    pub peers: mesh::Peers,
    /// Keys derived from the deployment's secret.
    pub keys: Keys,
}

/// What a service gives.
#[derive(Debug)]
pub struct Parts {
    pub(crate) routes: Routes,
    pub(crate) tasks: Vec<Task>,
}

impl Parts {
    /// Returns the parts of a service that serves these routes.
    pub fn new(routes: Routes) -> Self {
        Self {
            routes,
            tasks: Vec::new(),
        }
    }

    /// Adds a background task.
    #[must_use]
    pub fn task(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds background tasks.
    #[must_use]
    pub fn tasks(mut self, tasks: impl IntoIterator<Item = Task>) -> Self {
        self.tasks.extend(tasks);
        self
    }

    /// Takes the parts apart, for those who host services in their own way.
    pub fn into_inner(self) -> (Routes, Vec<Task>) {
        (self.routes, self.tasks)
    }
}
