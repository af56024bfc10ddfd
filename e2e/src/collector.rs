//! A collector: the OTLP trace service, in this process, over a real connection.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status};

/// What was received so far.
#[derive(Debug, Clone, Default)]
pub struct Collector {
    /// Where it listens, as `trace.endpoint` names it.
    pub endpoint: String,
    spans: Arc<Mutex<Vec<Received>>>,
}

/// One span in words a test can compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which service, or the edge.
    pub scope: String,
    /// What was done.
    pub name: String,
    /// 1 internal, 2 server, 3 client, 5 consumer.
    pub kind: i32,
    /// The trace's id, in hexadecimal.
    pub trace: String,
    /// Its own id.
    pub id: String,
    /// The id of the span it is part of.
    pub parent: String,
    /// What was written down.
    pub attributes: BTreeMap<String, String>,
    /// Whether its status is an error.
    pub failed: bool,
}

impl Collector {
    /// Listens on a thread of its own, which outlives every test.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let collector = Self {
            endpoint: format!("http://{}", listener.local_addr().expect("it is bound")),
            ..Self::default()
        };
        let service = TraceServiceServer::new(collector.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                let mut connections = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.expect("a socket");
                    let service = TowerToHyperService::new(service.clone());
                    let server = http2::Builder::new(TokioExecutor::new());
                    connections.spawn(server.serve_connection(TokioIo::new(stream), service));
                }
            });
        });
        collector
    }

    /// The spans of one trace, as far as they came.
    ///
    /// # Panics
    /// When an export panicked.
    #[must_use]
    pub fn trace(&self, id: &str) -> Vec<Received> {
        let spans = self.spans.lock().expect("no panic while it was held");
        let own = spans.iter().filter(|span| span.trace == id);
        own.cloned().collect()
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter();
        let scopes = scopes.flat_map(|resource| resource.scope_spans);
        let received = scopes.flat_map(|scope| {
            let name = scope.scope.unwrap_or_default().name;
            let spans = scope.spans.into_iter();
            spans.map(move |span| received(&name, span))
        });
        self.spans
            .lock()
            .expect("no panic while it was held")
            .extend(received);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn received(scope: &str, span: Span) -> Received {
    let attributes = span.attributes.into_iter().map(|attribute| {
        let value = match attribute.value.and_then(|value| value.value) {
            Some(Value::StringValue(text)) => text,
            Some(Value::IntValue(number)) => number.to_string(),
            other => panic!("{}: {other:?}", attribute.key),
        };
        (attribute.key, value)
    });
    Received {
        scope: scope.to_owned(),
        name: span.name,
        kind: span.kind,
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: attributes.collect(),
        failed: span.status.is_some_and(|status| status.code == 2),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
