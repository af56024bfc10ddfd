//! Deadlines and abandoned calls (SC-3).

use super::*;

#[tokio::test]
async fn sc_3_the_deadline_bounds_the_head_and_ends_the_callees_work() {
    let mesh = Mesh::new();
    let (held, dropped) = oneshot::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(Some(held)));
    mesh.host(
        "feed",
        tower::service_fn(move |_: Request<Body>| {
            let held = held.lock().unwrap().take();
            async move {
                let _held = held;
                std::future::pending().await
            }
        }),
    );
    let began = Instant::now();
    let fault = mesh
        .peers(keys("edge"))
        .forward("feed", &context(SOON), PATH, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(fault.reason(), Reason::GatewayTimeout);
    assert!(began.elapsed() >= SOON);
    assert!(dropped.await.is_err(), "the handler was dropped");
}

#[tokio::test]
async fn sc_3_the_deadline_bounds_the_body() {
    let mesh = Mesh::new();
    let frames = streaming(&mesh, "feed");
    let request = Request::builder().uri(PATH).body(Body::empty()).unwrap();
    let channel = mesh.peers(keys("edge")).call("feed", &context(SOON));
    let mut reply = channel.oneshot(request).await.unwrap().into_body();
    frames
        .send(Ok(http_body::Frame::data(framed(b"one"))))
        .unwrap();
    let first = reply.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), framed(b"one"));
    // Nothing more comes, and the sender stays: only the deadline can end this.
    let end = reply
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_trailers()
        .unwrap();
    let fault = Fault::from(Status::from_header_map(&end).unwrap());
    assert_eq!(fault.reason(), Reason::GatewayTimeout);
    assert!(reply.frame().await.is_none());
    assert!(frames.is_closed(), "what made the data was dropped");
}

#[tokio::test]
async fn sc_3_a_call_without_time_left_is_not_made() {
    let mesh = Mesh::new();
    let mut requests = recorder(&mesh, "feed");
    let peers = mesh.peers(keys("edge"));
    let fault = peers
        .forward("feed", &context(Duration::ZERO), PATH, Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(fault.reason(), Reason::GatewayTimeout);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn sc_3_an_abandoned_call_ends_the_callees_work() {
    let mesh = Mesh::new();
    let (arrived, arrival) = oneshot::channel::<oneshot::Receiver<()>>();
    let arrived = Arc::new(std::sync::Mutex::new(Some(arrived)));
    mesh.host(
        "feed",
        tower::service_fn(move |_: Request<Body>| {
            let (held, dropped) = oneshot::channel::<()>();
            arrived
                .lock()
                .unwrap()
                .take()
                .unwrap()
                .send(dropped)
                .unwrap();
            async move {
                let _held = held;
                std::future::pending().await
            }
        }),
    );
    let peers = mesh.peers(keys("edge"));
    let call = tokio::task::JoinSet::from_iter([async move {
        peers
            .forward(
                "feed",
                &context(Duration::from_secs(30)),
                PATH,
                Bytes::new(),
            )
            .await
    }]);
    let dropped = arrival.await.unwrap();
    drop(call);
    assert!(dropped.await.is_err());
}
