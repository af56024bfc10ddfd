//! From a checked list request to rows: conditions, order, seek, total, cursor.

use contracts::common::v1::Pagination;
use fault::{Fault, Result};
use sea_orm::sea_query::{
    Alias, ArrayType, Condition, Expr, ExprTrait, NullOrdering, Order, Query, SelectStatement,
    SimpleExpr,
};
use sea_orm::{ConnectionTrait, FromQueryResult, QueryResult, QueryTrait};

use super::cursor;
use super::filter::{Filter, Op};
use super::parse::{ListQuery, Position};
use super::{DEPTH, Page};
use crate::fault;

/// Total is exact up to this on lists with cursors (PG-2).
const CAP_WITH_CURSOR: u64 = 1_000;

/// A constant piece of SQL that a sort or filter name stands for.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    sql: &'static str,
    kind: &'static str,
    nullable: bool,
}

impl Column {
    /// An SQL expression that is never null, such as `posts.published_at`, and its SQL type, such as `timestamptz`;
    /// for tags `text[]`, for a native enum the enum's name.
    #[must_use]
    pub const fn new(sql: &'static str, kind: &'static str) -> Self {
        Self {
            sql,
            kind,
            nullable: false,
        }
    }

    /// An expression that may be null. Sorting puts nulls last in both directions.
    #[must_use]
    pub const fn nullable(sql: &'static str, kind: &'static str) -> Self {
        Self {
            sql,
            kind,
            nullable: true,
        }
    }

    fn expr(&self) -> Expr {
        Expr::cust(self.sql)
    }

    /// A bound text, cast to the column's type.
    fn value(&self, text: Option<String>) -> SimpleExpr {
        Expr::val(text).cast_as(Alias::new(self.kind))
    }

    /// Whether it is a column of a table and nothing that has to be worked out for every row.
    fn is_plain(&self) -> bool {
        let mut letters = self.sql.chars();
        letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
    }

    fn is_array(&self) -> bool {
        self.kind.ends_with("[]")
    }

    fn values(&self, texts: Vec<String>) -> SimpleExpr {
        let kind = if self.is_array() {
            self.kind.to_owned()
        } else {
            format!("{}[]", self.kind)
        };
        let values = texts
            .into_iter()
            .map(|text| sea_orm::Value::String(Some(text)))
            .collect();
        Expr::val(sea_orm::Value::Array(
            ArrayType::String,
            Some(Box::new(values)),
        ))
        .cast_as(Alias::new(kind))
    }
}

/// A sort key with its direction.
struct Key {
    column: Column,
    descending: bool,
}

impl ListQuery {
    /// Runs a query for one page and, in page mode, for the total. `column` maps every sort and filter name of the rule
    /// that the service has not taken out, and `id`.
    ///
    /// # Errors
    /// See [`fault`](crate::fault); `INTERNAL_ERROR` when `column` does not know a name.
    pub async fn page<T, C, Q>(
        &self,
        connection: &C,
        select: Q,
        column: impl Fn(&str) -> Option<Column>,
    ) -> Result<Page<T>>
    where
        T: FromQueryResult,
        C: ConnectionTrait,
        Q: QueryTrait<QueryStatement = SelectStatement>,
    {
        self.run(connection, select.into_query(), column).await
    }

    /// As [`ListQuery::page`], over a statement built with `sea_query`.
    ///
    /// # Errors
    /// As [`ListQuery::page`].
    pub async fn run<T, C>(
        &self,
        connection: &C,
        mut select: SelectStatement,
        column: impl Fn(&str) -> Option<Column>,
    ) -> Result<Page<T>>
    where
        T: FromQueryResult,
        C: ConnectionTrait,
    {
        select.cond_where(self.condition(&column)?);
        let keys = self.keys(&column)?;
        let total = match self.position {
            Position::Page(_) => Some(self.count(connection, &select, &keys).await?),
            Position::Start | Position::After(_) => None,
        };
        self.arrange(&mut select, &keys);
        let mut rows = connection.query_all(&select).await.map_err(fault)?;
        let more = rows.len() as u64 > self.limit;
        rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let next_cursor = match rows.last() {
            Some(last) if more => self.cursor_after(&keys_of(last, keys.len())?)?,
            _ => None,
        };
        let items = rows
            .iter()
            .map(|row| T::from_query_result(row, "").map_err(fault))
            .collect::<Result<Vec<T>>>()?;
        Ok(self.assemble(items, total, more, next_cursor))
    }

    /// The cursor that stands after a row with these sort keys, as SQL text, the tie-breaker's last; none on lists without
    /// cursors.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when the keys cannot be written.
    pub fn cursor_after(&self, keys: &[Option<String>]) -> Result<Option<String>> {
        let sealed = self
            .binding
            .as_ref()
            .map(|binding| cursor::seal(keys, binding));
        sealed.transpose()
    }

    /// The filters as one condition, for queries of another shape than a page.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` when `column` does not know a name.
    pub fn condition(&self, column: impl Fn(&str) -> Option<Column>) -> Result<Condition> {
        self.filters
            .iter()
            .try_fold(Condition::all(), |all, filter| {
                let column = column(filter.name).ok_or_else(|| unmapped(filter.name))?;
                Ok(all.add(compare(column, filter)))
            })
    }

    fn keys(&self, column: impl Fn(&str) -> Option<Column>) -> Result<Vec<Key>> {
        let last = self.sort.last().is_none_or(|sort| sort.descending);
        let sorts = self
            .sort
            .iter()
            .map(|sort| (sort.name, sort.descending))
            .chain([("id", last)]);
        sorts
            .map(|(name, descending)| {
                let column = column(name).ok_or_else(|| unmapped(name))?;
                Ok(Key { column, descending })
            })
            .collect()
    }

    /// Counts in the order of the list, as far as that is one of columns: what answers the page from an index then
    /// answers the count too, which else reads the table from its beginning until it has enough.
    async fn count<C: ConnectionTrait>(
        &self,
        connection: &C,
        select: &SelectStatement,
        keys: &[Key],
    ) -> Result<u64> {
        let mut rows = select.clone();
        rows.clear_selects()
            .clear_order_by()
            .expr(Expr::val(1))
            .limit(self.cap() + 1);
        if keys.iter().all(|key| key.column.is_plain()) {
            order(&mut rows, keys);
        }
        let count = Query::select()
            .expr_as(Expr::cust("count(*)"), Alias::new("n"))
            .from_subquery(rows, Alias::new("counted"))
            .to_owned();
        let row = connection.query_one(&count).await.map_err(fault)?;
        let count: i64 = row
            .map_or(Ok(0), |row| row.try_get("", "n"))
            .map_err(fault)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Up to where the total is exact.
    fn cap(&self) -> u64 {
        if self.binding.is_some() {
            CAP_WITH_CURSOR
        } else {
            DEPTH.unsigned_abs()
        }
    }

    fn arrange(&self, select: &mut SelectStatement, keys: &[Key]) {
        for (index, key) in keys.iter().enumerate() {
            select.expr_as(
                key.column.expr().cast_as(Alias::new("text")),
                Alias::new(key_name(index)),
            );
        }
        order(select, keys);
        // One more than asked for tells whether there is a next page.
        select.limit(self.limit + 1);
        match &self.position {
            Position::Page(number) => {
                select.offset((number - 1) * self.limit);
            }
            Position::Start => {}
            Position::After(values) => {
                select.cond_where(after(keys, values));
            }
        }
    }

    fn assemble<T>(
        &self,
        items: Vec<T>,
        total: Option<u64>,
        more: bool,
        next_cursor: Option<String>,
    ) -> Page<T> {
        let int = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
        let exact = total.map(|total| Ord::min(total, self.cap()));
        let number = match self.position {
            Position::Page(number) => Some(number),
            Position::Start | Position::After(_) => None,
        };
        Page {
            items,
            pagination: Pagination {
                page: number.map(int),
                limit: int(self.limit),
                total: exact.map(int),
                total_pages: exact.map(|total| int(total.div_ceil(self.limit))),
                has_next: more,
                has_prev: match self.position {
                    Position::Page(number) => number > 1,
                    Position::Start => false,
                    Position::After(_) => true,
                },
                next_cursor,
            },
            total_capped: total.is_some_and(|total| total > self.cap()),
        }
    }
}

fn order(select: &mut SelectStatement, keys: &[Key]) {
    for key in keys {
        let order = if key.descending {
            Order::Desc
        } else {
            Order::Asc
        };
        if key.column.nullable {
            select.order_by_expr_with_nulls(key.column.expr(), order, NullOrdering::Last);
        } else {
            select.order_by_expr(key.column.expr(), order);
        }
    }
}

/// The condition "comes after the row with these keys".
///
/// With one direction and no nulls it is a row comparison, which an index over the keys answers; otherwise it is spelt
/// out: equal in the keys before, beyond in this one. Nulls are last, so nothing is beyond null, and null is beyond
/// every value.
fn after(keys: &[Key], values: &[Option<String>]) -> Condition {
    let uniform = keys
        .iter()
        .all(|key| !key.column.nullable && key.descending == keys[0].descending);
    let bound = |key: &Key, value: &Option<String>| key.column.value(value.clone());
    if uniform {
        let left = Expr::tuple(keys.iter().map(|key| key.column.expr()));
        let right = Expr::tuple(
            keys.iter()
                .zip(values)
                .map(|(key, value)| bound(key, value)),
        );
        let beyond = if keys[0].descending {
            left.lt(right)
        } else {
            left.gt(right)
        };
        return Condition::all().add(beyond);
    }
    let mut any = Condition::any();
    let mut equal: Vec<SimpleExpr> = Vec::new();
    for (key, value) in keys.iter().zip(values) {
        let expr = || key.column.expr();
        if value.is_some() {
            let beyond = if key.descending {
                expr().lt(bound(key, value))
            } else {
                expr().gt(bound(key, value))
            };
            let beyond = if key.column.nullable {
                beyond.or(expr().is_null())
            } else {
                beyond
            };
            any = any.add(
                equal
                    .iter()
                    .cloned()
                    .fold(Condition::all(), Condition::add)
                    .add(beyond),
            );
        }
        equal.push(match value {
            Some(_) => expr().eq(bound(key, value)),
            None => expr().is_null(),
        });
    }
    any
}

fn compare(column: Column, filter: &Filter) -> SimpleExpr {
    if column.is_array() {
        return compare_array(column, filter);
    }
    let expr = || column.expr();
    let first = || column.value(filter.texts().into_iter().next());
    match filter.op {
        Op::Eq => expr().eq(first()),
        Op::Ne => Expr::cust_with_exprs("$1 is distinct from $2", [expr(), first()]),
        Op::Gt => expr().gt(first()),
        Op::Gte => expr().gte(first()),
        Op::Lt => expr().lt(first()),
        Op::Lte => expr().lte(first()),
        Op::In => Expr::cust_with_exprs("$1 = any ($2)", [expr(), column.values(filter.texts())]),
        Op::Nin => Expr::cust_with_exprs(
            "($1 = any ($2)) is not true",
            [expr(), column.values(filter.texts())],
        ),
        Op::Contains => {
            Expr::cust_with_exprs("strpos(app.fold($1), app.fold($2)) > 0", [expr(), first()])
        }
        Op::Exists if filter.bool() == Some(false) => expr().is_null(),
        Op::Exists => expr().is_not_null(),
    }
}

/// Arrays are sets of tags: a value is asked for by overlap (FL-6), all values by containment.
fn compare_array(column: Column, filter: &Filter) -> SimpleExpr {
    let sides = || [column.expr(), column.values(filter.texts())];
    match filter.op {
        Op::Exists if filter.bool() == Some(false) => {
            Expr::cust_with_exprs("cardinality($1) = 0", [column.expr()])
        }
        Op::Exists => Expr::cust_with_exprs("cardinality($1) > 0", [column.expr()]),
        Op::Ne | Op::Nin => Expr::cust_with_exprs("not ($1 && $2)", sides()),
        Op::Contains => Expr::cust_with_exprs("$1 @> $2", sides()),
        Op::Eq | Op::In | Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
            Expr::cust_with_exprs("$1 && $2", sides())
        }
    }
}

fn key_name(index: usize) -> String {
    format!("sf_key_{index}")
}

fn keys_of(row: &QueryResult, count: usize) -> Result<Vec<Option<String>>> {
    (0..count)
        .map(|index| row.try_get("", &key_name(index)).map_err(fault))
        .collect()
}

fn unmapped(name: &str) -> Fault {
    Fault::internal(format!("the list's columns do not know `{name}`"))
}
