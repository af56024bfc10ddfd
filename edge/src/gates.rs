//! The gates every request passes before anything is done for it, in one order whatever protocol it speaks (GW-28).

use std::borrow::Cow;
use std::net::IpAddr;

use chassis::Claim;
use contracts::{Access, RpcRule};
use fault::Reason;
use http::Method;
use http::request::Parts;

use crate::auth::{self, Session};
use crate::pipeline::{Door, Exchange};
use crate::ratelimit::Subjects;
use crate::respond::Refusal;
use crate::{head, plain_http};

/// Where a request can go. Each protocol finds its own kind.
pub(crate) trait Destination {
    /// Returns what the gates go by; `method` is the request's.
    fn terms(&self, method: &Method) -> Terms;
}

/// What the gates go by.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Its name in log and metrics; none for what was not found.
    pub(crate) route: Option<Cow<'static, str>>,
    /// Whose tokens are looked at.
    pub(crate) access: Access,
    /// Rate-limit buckets beside those that count every request.
    pub(crate) buckets: &'static [&'static str],
    /// The method it is counted as: buckets tell reads from writes by it.
    pub(crate) method: Method,
    /// Whether probes ask for it: neither limited nor logged.
    pub(crate) probe: bool,
    /// The kind of place it needs.
    pub(crate) claim: Claim,
}

/// A request that passed the gates.
#[derive(Debug)]
pub(crate) struct Admitted<D> {
    pub(crate) destination: D,
    pub(crate) session: Option<Session>,
    terms: Terms,
}

impl Terms {
    /// The terms of what is open to anyone.
    pub(crate) fn open(method: &Method) -> Self {
        Self {
            route: None,
            access: Access::Public,
            buckets: &[],
            method: method.clone(),
            probe: false,
            claim: Claim::Ordinary,
        }
    }

    /// The terms of an RPC, known to log and metrics as `route`.
    pub(crate) fn of(
        rule: &'static RpcRule,
        route: impl Into<Cow<'static, str>>,
        method: &Method,
    ) -> Self {
        Self {
            route: Some(route.into()),
            access: rule.access,
            buckets: rule.buckets,
            claim: Claim::of(rule),
            ..Self::open(method)
        }
    }

    fn subjects<'t>(&'t self, ip: IpAddr, session: Option<&'t Session>) -> Subjects<'t> {
        Subjects {
            method: &self.method,
            ip,
            caller: session.map(Session::caller),
            named: self.buckets,
        }
    }
}

impl Door {
    /// Admits a request to where `find` says it goes, or refuses it.
    pub(crate) async fn admit<D: Destination>(
        &self,
        parts: &Parts,
        exchange: &mut Exchange,
        find: impl FnOnce() -> Result<D, Refusal>,
    ) -> Result<Admitted<D>, Refusal> {
        // Size and unambiguity of the head before anything reads it.
        head::check(parts, &self.config.limits)?;
        // The destination before the token, because the contract says whether a token is looked at. Its refusal waits.
        let found = find();
        let mut terms = match &found {
            Ok(destination) => destination.terms(&parts.method),
            Err(_) => Terms::open(&parts.method),
        };
        exchange.record.quiet = terms.probe;
        exchange.tokens = terms.access != Access::Public;
        if let Some(route) = terms.route.take() {
            exchange.record.route = route;
        }
        if terms.probe {
            return Ok(Admitted {
                destination: found?,
                session: None,
                terms,
            });
        }
        plain_http::refuse(&self.config, parts)?;
        // A place before anything that takes time. Probes need none.
        exchange.place = Some(self.overload.enter(terms.claim)?);
        // The token once per request. Its refusal waits too.
        let session = self
            .gate
            .identify(terms.access, &parts.headers, &exchange.request_id)
            .await;
        exchange.personal = matches!(session, Ok(Some(_)) | Err(_));
        // Limits before every refusal, so that guessing paths and tokens is counted like everything else.
        let known = session.as_ref().ok().and_then(Option::as_ref);
        let (standing, admitted) = self.limiter.admit(terms.subjects(exchange.ip, known)).await;
        exchange.standing = standing;
        admitted?;
        let session = session?;
        let destination = found?;
        auth::permit(terms.access, session.as_ref().map(Session::caller))?;
        Ok(Admitted {
            destination,
            session,
            terms,
        })
    }

    /// Takes note of how a service refused, if it did: some buckets count that, wrong codes above all (GW-3).
    pub(crate) async fn refused<D>(
        &self,
        admitted: &Admitted<D>,
        ip: IpAddr,
        reason: Option<Reason>,
    ) {
        if let Some(reason) = reason {
            let subjects = admitted.terms.subjects(ip, admitted.session.as_ref());
            self.limiter.answered(subjects, reason).await;
        }
    }
}
