//! How names become addresses.

use std::{fmt, io, net::SocketAddr};

use futures_util::future::BoxFuture;

use crate::config::Target;

/// Looks names up. The system's resolver is [`SystemResolver`]; tests bring their own.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Returns every address the target has now.
    ///
    /// # Errors
    /// The name cannot be looked up; what was known stays in use.
    fn resolve<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((&*target.host, target.port)).await?;
            Ok(found.collect())
        })
    }
}
