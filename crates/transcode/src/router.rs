//! Finds the route of a method and path.
//!
//! A trie over template segments. At each segment a literal beats `*`, which
//! beats `**`, from left to right (TR-14); the first template that matches the
//! whole path decides, whatever its methods (K-6). Every trie node has one
//! depth, so a search visits no node twice and costs at most the trie's size.

use std::collections::BTreeMap;

use crate::error::{BuildError, RouteError};
use crate::path;
use crate::route::Route;
use crate::template::{Segment, Template};

/// The trie.
#[derive(Debug)]
pub(crate) struct Router {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<String, usize>,
    one: Option<usize>,
    rest: Option<usize>,
    ends: Vec<End>,
}

#[derive(Debug)]
struct End {
    verb: Option<String>,
    method: String,
    route: usize,
}

/// A path's route and its decoded segments.
#[derive(Debug)]
pub(crate) struct Found {
    /// The route's index.
    pub(crate) route: usize,
    /// The segments, the verb taken off.
    pub(crate) segments: Vec<String>,
}

impl Router {
    /// Builds the trie; equal templates of one method are refused (GW-1).
    pub(crate) fn new(routes: &[Route], templates: &[Template]) -> Result<Self, BuildError> {
        let mut router = Self {
            nodes: vec![Node::default()],
        };
        for (index, (route, template)) in routes.iter().zip(templates).enumerate() {
            let node = router.insert(template);
            let ends = &mut router.nodes[node].ends;
            if let Some(other) = ends
                .iter()
                .find(|end| end.method == route.method && end.verb == template.verb)
            {
                let first = &routes[other.route];
                return Err(BuildError::Ambiguous {
                    method: route.method.clone(),
                    first: first.rpc.clone(),
                    first_template: first.template.clone(),
                    second: route.rpc.clone(),
                    second_template: route.template.clone(),
                });
            }
            ends.push(End {
                verb: template.verb.clone(),
                method: route.method.clone(),
                route: index,
            });
        }
        Ok(router)
    }

    fn insert(&mut self, template: &Template) -> usize {
        let mut at = 0;
        for segment in &template.segments {
            let fresh = self.nodes.len();
            let node = &mut self.nodes[at];
            at = match segment {
                Segment::Literal(text) => *node.literals.entry(text.clone()).or_insert(fresh),
                Segment::One => *node.one.get_or_insert(fresh),
                Segment::Rest => *node.rest.get_or_insert(fresh),
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        at
    }

    /// Finds the route of a request.
    pub(crate) fn find(&self, method: &str, raw: &str) -> Result<Found, RouteError> {
        let mut segments = path::segments(raw).map_err(RouteError::BadPath)?;
        // A verb hangs on a colon that is not percent-encoded.
        let last = raw
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        if let Some((name, verb)) = last.rsplit_once(':')
            && !name.is_empty()
        {
            let name = path::decode(name).map_err(RouteError::BadPath)?;
            let verb = path::decode(verb).map_err(RouteError::BadPath)?;
            let whole = segments
                .last_mut()
                .map(|last| std::mem::replace(last, name));
            if let Some(node) = self.search(0, &segments, Some(&verb)) {
                return self.decide(node, Some(&verb), method, segments);
            }
            if let (Some(last), Some(whole)) = (segments.last_mut(), whole) {
                *last = whole;
            }
        }
        let node = self
            .search(0, &segments, None)
            .ok_or(RouteError::NotFound)?;
        self.decide(node, None, method, segments)
    }

    fn search(&self, at: usize, segments: &[String], verb: Option<&str>) -> Option<usize> {
        let node = &self.nodes[at];
        let found = match segments.split_first() {
            None => node
                .ends
                .iter()
                .any(|end| end.verb.as_deref() == verb)
                .then_some(at),
            Some((first, others)) => node
                .literals
                .get(first)
                .and_then(|&next| self.search(next, others, verb))
                .or_else(|| node.one.and_then(|next| self.search(next, others, verb))),
        };
        found.or_else(|| node.rest.and_then(|next| self.search(next, &[], verb)))
    }

    fn decide(
        &self,
        at: usize,
        verb: Option<&str>,
        method: &str,
        segments: Vec<String>,
    ) -> Result<Found, RouteError> {
        let ends = || {
            self.nodes[at]
                .ends
                .iter()
                .filter(|end| end.verb.as_deref() == verb)
        };
        let of = |method: &str| ends().find(|end| end.method == method);
        let end = of(method).or_else(|| if method == "HEAD" { of("GET") } else { None });
        if let Some(end) = end.or_else(|| of("*")) {
            return Ok(Found {
                route: end.route,
                segments,
            });
        }
        let mut allow: Vec<String> = ends().map(|end| end.method.clone()).collect();
        if allow.iter().any(|method| method == "GET") {
            allow.push("HEAD".into());
        }
        allow.push("OPTIONS".into());
        allow.sort();
        allow.dedup();
        Err(RouteError::MethodNotAllowed { allow })
    }
}
