//! What goes with every request: caller, origin, request id, trace and deadline.

use std::{
    any::Any,
    fmt,
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use fault::{Fault, Result};

use crate::{Caller, Expected, Viewer, internal::ServiceKeys, request_id};

/// The deadline of a call that named none (N-18).
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// The name of no service.
static NO_PEER: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// The circumstances of one request. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Context {
    parts: Arc<ContextParts>,
    deadline: Instant,
    attached: Option<Attached>,
}

/// What a layer has put beside a request for the layers below it.
#[derive(Clone)]
struct Attached(Arc<dyn Any + Send + Sync>);

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attached")
    }
}

/// What a [`Context`] is made of, for those who receive requests: the guard and the edge.
#[derive(Clone, Debug)]
pub struct ContextParts {
    /// Who the request acts for; nobody for anonymous requests and for jobs.
    pub caller: Option<Caller>,
    /// The signed identity as received, forwarded unchanged on calls to other services.
    pub identity: Option<Arc<str>>,
    /// The client's address, from the signed identity.
    pub ip: Option<IpAddr>,
    /// The client's `User-Agent`, at most 255 characters; nothing is decided by it.
    pub user_agent: Option<Arc<str>>,
    /// The request id.
    pub request_id: Arc<str>,
    /// The W3C `traceparent` of the span this request is handled in.
    pub trace: Option<Arc<str>>,
    /// The service that calls; empty when work begins here.
    pub peer: Arc<str>,
    /// The version the client expects of what it changes (CQ-2). Calls to other services do not carry it on.
    pub expected: Expected,
    /// When the request must be done.
    pub deadline: Instant,
}

impl Default for ContextParts {
    /// Nobody, from nowhere, with a fresh request id and 5 s.
    fn default() -> Self {
        let deadline = Instant::now() + DEFAULT_DEADLINE;
        Self::new(request_id::fresh().into(), deadline)
    }
}

impl ContextParts {
    /// Nobody, from nowhere.
    fn new(request_id: Arc<str>, deadline: Instant) -> Self {
        Self {
            caller: None,
            identity: None,
            ip: None,
            user_agent: None,
            request_id,
            trace: None,
            peer: Arc::clone(&NO_PEER),
            expected: Expected::None,
            deadline,
        }
    }
}

impl From<ContextParts> for Context {
    fn from(parts: ContextParts) -> Self {
        Self {
            deadline: parts.deadline,
            parts: Arc::new(parts),
            attached: None,
        }
    }
}

impl Context {
    /// Returns the context the guard put into a request. A request that came around the
    /// guard is nobody's, with 5 s to go.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| ContextParts::default().into())
    }

    /// Returns the context of work for no user: jobs and event consumers (SC-1).
    pub fn background(request_id: impl Into<Arc<str>>, allowed: Duration) -> Self {
        let deadline = Instant::now() + allowed;
        ContextParts::new(request_id.into(), deadline).into()
    }

    /// Returns the context of a request the edge makes for a caller, identity signed
    /// with the edge's keys.
    pub fn for_caller(
        edge: &ServiceKeys,
        caller: Caller,
        ip: Option<IpAddr>,
        request_id: impl Into<Arc<str>>,
        allowed: Duration,
    ) -> Self {
        Self::signed(edge, Some(caller), ip, request_id.into(), allowed)
    }

    /// Returns the context of a request the edge makes for nobody in particular,
    /// identity signed with the edge's keys.
    pub fn for_anonymous(
        edge: &ServiceKeys,
        ip: Option<IpAddr>,
        request_id: impl Into<Arc<str>>,
        allowed: Duration,
    ) -> Self {
        Self::signed(edge, None, ip, request_id.into(), allowed)
    }

    fn signed(
        edge: &ServiceKeys,
        caller: Option<Caller>,
        ip: Option<IpAddr>,
        request_id: Arc<str>,
        allowed: Duration,
    ) -> Self {
        let identity = Some(edge.sign_identity(caller.as_ref(), ip));
        let deadline = Instant::now() + allowed;
        ContextParts {
            caller,
            identity,
            ip,
            ..ContextParts::new(request_id, deadline)
        }
        .into()
    }

    /// Returns who the request acts for, if anyone.
    pub fn caller(&self) -> Option<&Caller> {
        self.parts.caller.as_ref()
    }

    /// Returns who the request acts for.
    ///
    /// # Errors
    /// UNAUTHORIZED for anonymous requests and background work.
    pub fn require_caller(&self) -> Result<&Caller> {
        self.caller()
            .ok_or_else(|| Fault::unauthorized("Authentication is required"))
    }

    /// Returns who looks: the caller's profile, or nobody.
    pub fn viewer(&self) -> Viewer {
        self.caller().map(Viewer::from).unwrap_or_default()
    }

    /// Returns the client's address, as the edge signed it.
    pub fn ip(&self) -> Option<IpAddr> {
        self.parts.ip
    }

    /// Returns the client's `User-Agent`.
    pub fn user_agent(&self) -> Option<&str> {
        self.parts.user_agent.as_deref()
    }

    /// Returns the request id.
    pub fn request_id(&self) -> &str {
        &self.parts.request_id
    }

    /// Returns the W3C `traceparent` to continue, if the request is traced.
    pub fn trace(&self) -> Option<&str> {
        self.parts.trace.as_deref()
    }

    /// Returns the signed identity, to be forwarded unchanged.
    pub fn identity(&self) -> Option<&str> {
        self.parts.identity.as_deref()
    }

    /// Returns the name of the calling service; empty when work begins here.
    pub fn peer(&self) -> &str {
        &self.parts.peer
    }

    /// Returns the version the client expects of what it changes (CQ-2): nothing, unless the RPC's contract says
    /// `conditional`.
    pub fn expected_version(&self) -> &Expected {
        &self.parts.expected
    }

    /// Returns when the request must be done.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns the time left; zero when there is none.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns the same context with at most this much time left, for optional parts of
    /// a reply (SC-5). A deadline is never lengthened.
    #[must_use]
    pub fn within(&self, at_most: Duration) -> Self {
        let deadline = self.deadline.min(Instant::now() + at_most);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// Returns the same context with exactly this much time from now. Only for what
    /// outlives the request that began it: internal streams, which are reopened every
    /// 10 minutes, and work after the reply (SC-3). What is attached stays behind.
    #[must_use]
    pub fn outliving(&self, allowed: Duration) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            deadline: Instant::now() + allowed,
            attached: None,
        }
    }

    /// Returns the same context with something beside it for whoever handles the
    /// request here; it is not sent to other services. It replaces what was attached
    /// before.
    #[must_use]
    pub fn attach<T: Any + Send + Sync>(&self, it: Arc<T>) -> Self {
        Self {
            attached: Some(Attached(it)),
            ..self.clone()
        }
    }

    /// Returns what is attached, if it is of this type.
    pub fn attached<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let Attached(it) = self.attached.clone()?;
        it.downcast().ok()
    }

    /// Returns the same context with the client's `User-Agent`, cut to 255 characters.
    #[must_use]
    pub fn with_user_agent(self, agent: &str) -> Self {
        let agent: String = agent
            .chars()
            .filter(|c| !c.is_control())
            .take(255)
            .collect();
        self.with(|parts| parts.user_agent = (!agent.is_empty()).then(|| agent.into()))
    }

    /// Returns the same context without its caller, for what is asked for nobody's sake (SC-1): the copies of
    /// foreign facts, which are the same for everybody.
    #[must_use]
    pub fn for_nobody(&self) -> Self {
        self.clone().with(|parts| {
            parts.caller = None;
            parts.identity = None;
        })
    }

    /// Returns the same context in another span, named by its W3C `traceparent`.
    #[must_use]
    pub fn with_trace(self, traceparent: impl Into<Arc<str>>) -> Self {
        self.with(|parts| parts.trace = Some(traceparent.into()))
    }

    // What nobody else holds yet is changed where it is.
    fn with(mut self, change: impl FnOnce(&mut ContextParts)) -> Self {
        change(Arc::make_mut(&mut self.parts));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_3_a_deadline_is_only_shortened() {
        let ctx = Context::background("request-1", Duration::from_secs(2));
        assert!(ctx.within(Duration::from_millis(300)).remaining() <= Duration::from_millis(300));
        assert_eq!(
            ctx.within(Duration::from_secs(60)).deadline(),
            ctx.deadline()
        );
        assert_eq!(ctx.within(Duration::ZERO).remaining(), Duration::ZERO);
    }

    #[test]
    fn sc_1_background_work_and_unguarded_requests_are_nobodys() {
        for ctx in [
            Context::background("request-1", Duration::from_secs(1)),
            Context::of(&tonic::Request::new(())),
        ] {
            assert!(ctx.caller().is_none() && ctx.identity().is_none() && ctx.peer().is_empty());
            assert_eq!(ctx.viewer(), Viewer::default());
            assert_eq!(
                ctx.require_caller().unwrap_err().reason(),
                fault::Reason::Unauthorized
            );
        }
    }

    #[test]
    fn what_is_attached_goes_with_the_request_and_not_beyond_it() {
        let ctx = Context::background("request-1", Duration::from_secs(1)).attach(Arc::new(7_u8));
        let later = ctx.clone().with_trace("trace").within(Duration::ZERO);
        assert_eq!(later.attached::<u8>().as_deref(), Some(&7));
        assert_eq!(later.attached::<u16>(), None);
        assert_eq!(ctx.outliving(Duration::ZERO).attached::<u8>(), None);
    }

    #[test]
    fn a_user_agent_is_cut_and_cleaned() {
        let ctx = Context::background("request-1", Duration::from_secs(1));
        assert_eq!(
            ctx.clone().with_user_agent("a\r\nb").user_agent(),
            Some("ab")
        );
        assert_eq!(
            ctx.clone()
                .with_user_agent(&"é".repeat(300))
                .user_agent()
                .unwrap()
                .chars()
                .count(),
            255
        );
        assert_eq!(ctx.with_user_agent("").user_agent(), None);
    }
}
