//! A list request read against the rule of its RPC.

use contracts::ListRule;
use fault::{Fault, Result, Violation};
use identity::Viewer;
use sea_orm::sea_query::{Expr, SimpleExpr};

use super::cursor;
use super::filter::Filter;
use super::order::Sort;
use super::{DEPTH, filter, order};
use crate::cursor::Binding;

/// Longest search text, in characters, and most terms in it (N-12).
const SEARCH: (usize, usize) = (200, 12);

/// The list fields of a request message.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListRequest<'a> {
    /// Page number from 1.
    pub page: Option<i32>,
    /// Page size.
    pub limit: Option<i32>,
    /// A cursor; empty starts cursor mode.
    pub cursor: Option<&'a str>,
    /// Comma list of sort names; empty for the default.
    pub sort: &'a str,
    /// JSON object of filters; empty for none.
    pub filter: &'a str,
    /// Search text; empty for none.
    pub search: &'a str,
}

/// What a list request asks for, checked and typed.
#[derive(Debug, Clone)]
pub struct ListQuery {
    pub(super) position: Position,
    pub(super) limit: u64,
    pub(super) sort: Vec<Sort>,
    pub(super) filters: Vec<Filter>,
    pub(super) search: Option<Search>,
    /// Present on lists that accept cursors.
    pub(super) binding: Option<Binding>,
}

/// Where a page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Position {
    /// At (number − 1) × limit.
    Page(u64),
    /// At the beginning, in cursor mode.
    Start,
    /// After the row with these sort keys.
    After(Vec<Option<String>>),
}

impl ListQuery {
    /// Reads a request. `rpc` is the gRPC path and, with the viewer, what cursors are bound to; `key` signs them.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with every violation found, each naming the parameter and, for an unknown name, the nearest
    /// known one: page or limit below 1, page × limit above 10 000, cursor and page together, a cursor that was altered,
    /// belongs to another viewer, filter or sort, or is older than 24 h, more than 3 sort or 10 filter names, 50 values,
    /// 2 KiB of filter, 200 characters or 12 terms of search.
    pub fn parse(
        rule: &ListRule,
        rpc: &str,
        viewer: &Viewer,
        request: &ListRequest<'_>,
        key: &[u8],
    ) -> Result<Self> {
        let mut wrong = Vec::new();
        let limit = limit(rule, request.limit, &mut wrong);
        let sort = order::parse(rule, request.sort, &mut wrong);
        let filters = filter::parse(rule, request.filter, &mut wrong);
        let search = search(rule, request.search, &mut wrong);
        let page = page(rule, request, limit, &mut wrong);
        if !wrong.is_empty() {
            return Err(Fault::violations(wrong));
        }
        let binding = rule
            .cursor
            .then(|| cursor::binding(key, rpc, viewer, &filters, search.as_ref(), &sort));
        let position = match (request.cursor, &binding) {
            (Some(""), Some(_)) => Position::Start,
            (Some(cursor), Some(binding)) => {
                Position::After(cursor::open(cursor, binding, sort.len())?)
            }
            _ => Position::Page(page),
        };
        Ok(Self {
            position,
            limit: u64::from(limit),
            sort,
            filters,
            search,
            binding,
        })
    }

    /// The page size.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The sort names in order, without the tie-breaker.
    #[must_use]
    pub fn sort(&self) -> &[Sort] {
        &self.sort
    }

    /// The filters that are left, in the order given.
    #[must_use]
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Takes the filters of one name out, for a service that applies them itself.
    pub fn take(&mut self, name: &str) -> Vec<Filter> {
        self.filters
            .extract_if(.., |filter| filter.name == name)
            .collect()
    }

    /// The search, for a service that applies it.
    #[must_use]
    pub fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// Whether this is cursor mode.
    #[must_use]
    pub fn is_cursor_mode(&self) -> bool {
        !matches!(self.position, Position::Page(_))
    }
}

/// The text a list is searched for: literal, case and accents folded by the database (FL-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    text: String,
}

impl Search {
    /// The text as asked for.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The words of the text, 1..12.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace()
    }

    /// The condition "every term occurs in one of these text columns", by looking at each row; for lists that other
    /// conditions already keep short.
    #[must_use]
    pub fn within(&self, columns: &[&'static str]) -> SimpleExpr {
        let columns = columns.join(", ");
        let terms: Vec<String> = self.terms().map(str::to_owned).collect();
        Expr::cust_with_values(
            format!(
                "(select bool_and(strpos(app.fold(concat_ws(e'\\n', {columns})), app.fold(term)) > 0) from unnest($1) as term)"
            ),
            [sea_orm::Value::from(terms)],
        )
    }
}

fn limit(rule: &ListRule, asked: Option<i32>, wrong: &mut Vec<Violation>) -> u32 {
    match asked.map(u32::try_from) {
        None => rule.default_limit,
        Some(Ok(limit)) if limit >= 1 => limit.min(rule.max_limit),
        Some(_) => {
            wrong.push(violation("limit", "must be at least 1"));
            rule.default_limit
        }
    }
}

fn page(rule: &ListRule, request: &ListRequest<'_>, limit: u32, wrong: &mut Vec<Violation>) -> u64 {
    if request.cursor.is_some() {
        if !rule.cursor {
            wrong.push(violation("cursor", "this list has no cursors; use page"));
        } else if request.page.is_some() {
            wrong.push(violation("cursor", "cannot be combined with page"));
        }
        return 1;
    }
    let page = request.page.unwrap_or(1);
    if page < 1 {
        wrong.push(violation("page", "must be at least 1"));
    } else if i64::from(page) * i64::from(limit) > DEPTH {
        let instead = if rule.cursor {
            "read on with cursor"
        } else {
            "narrow the list by filter or search"
        };
        wrong.push(violation(
            "page",
            format!("page × limit must not exceed {DEPTH}; {instead}"),
        ));
    }
    u64::try_from(page).unwrap_or(1)
}

fn search(rule: &ListRule, text: &str, wrong: &mut Vec<Violation>) -> Option<Search> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let (characters, terms) = SEARCH;
    if !rule.search {
        wrong.push(violation("search", "this list cannot be searched"));
    } else if text.chars().count() > characters {
        wrong.push(violation(
            "search",
            format!("must not be longer than {characters} characters"),
        ));
    } else if text.split_whitespace().count() > terms {
        wrong.push(violation(
            "search",
            format!("must not have more than {terms} words"),
        ));
    } else if text.chars().any(char::is_control) {
        wrong.push(violation("search", "must not contain control characters"));
    }
    Some(Search {
        text: text.to_owned(),
    })
}

pub(super) fn violation(field: impl Into<String>, message: impl Into<String>) -> Violation {
    Violation {
        field: field.into(),
        message: message.into(),
    }
}

/// Says that a name is unknown, and which known one it may be meant to be.
pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let nearest = known
        .clone()
        .map(|known| {
            (
                strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, known)) if likeness > 0.6 => {
            format!("unknown {what} `{name}`; did you mean `{known}`?")
        }
        Some(_) => {
            let known: Vec<_> = known.map(|known| format!("`{known}`")).collect();
            format!("unknown {what} `{name}`; known are {}", known.join(", "))
        }
        None => format!("unknown {what} `{name}`; this list has none"),
    }
}
