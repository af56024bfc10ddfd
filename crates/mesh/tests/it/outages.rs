//! Endpoints that hang, leave, die and return.

use bytes::Bytes;
use fault::Reason;

use crate::{
    calls::{GET, LONG},
    server::{Mode, Server, context, edge},
};

#[tokio::test]
async fn t_47_a_hung_service_is_a_503_long_before_the_deadline() {
    let server = Server::echo().await;
    let peers = edge(&[&server]);
    let ctx = context(LONG);
    peers
        .forward("feed", &ctx, GET, Bytes::new())
        .await
        .unwrap();
    server.turn(Mode::Hung);
    for _ in 0..3 {
        let fault = peers
            .forward("feed", &ctx, GET, Bytes::new())
            .await
            .unwrap_err();
        assert_eq!(fault.reason(), Reason::ServiceUnavailable);
    }
    server.turn(Mode::Serving);
    while peers
        .forward("feed", &ctx, GET, Bytes::new())
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
}
