//! The list grammar of the API: paging, sorting, filtering, searching, cursors (K-2, PG-1..PG-4, FL-1..FL-3, FL-5, FL-6).
//!
//! A service parses the request against its RPC's rule, adds what it handles itself (visibility, its own filters) to a
//! SeaORM `Select`, and lets [`ListQuery::page`] do the rest:
//!
//! ```ignore
//! let query = ListQuery::parse(rule, rpc, &viewer, &request, &cursor_key)?;
//! let select = posts::Entity::find().filter(visible(Projections::WithGroups, &COLUMNS, &viewer));
//! let page: Page<posts::Model> = query.page(db.connection(), select, column).await?;
//! ```
//!
//! where `column` maps each sort and filter name, and `id`, to a constant piece of SQL. Values are bound, never written
//! into the statement, so that its text depends only on which names were used.

mod cursor;
mod fetch;
mod filter;
mod order;
mod parse;

use contracts::common::v1::Pagination;

pub use fetch::Column;
pub use filter::{Filter, Op, Value};
pub use order::Sort;
pub use parse::{ListQuery, ListRequest, Search};

/// Page × limit beyond this is refused (N-11).
const DEPTH: i64 = 10_000;

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the page stands.
    pub pagination: Pagination,
    /// Whether there are more rows than `pagination.total` says: it is exact up to 1 000 on lists with cursors, up to
    /// 10 000 on others (PG-2). Belongs into the reply's `total_capped`.
    pub total_capped: bool,
}

impl<T> Page<T> {
    /// Turns every item into what the reply lists.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            pagination: self.pagination,
            total_capped: self.total_capped,
        }
    }
}
