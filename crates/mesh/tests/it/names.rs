//! Services found by name.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use mesh::{Config, Mesh, Peers, Resolve, Target};

use crate::{
    calls::GET,
    server::{Server, call, keys, until_ok},
};

/// A resolver whose answer the test changes.
#[derive(Clone, Debug, Default)]
struct Names(Arc<Mutex<Vec<SocketAddr>>>);

impl Names {
    fn set(&self, servers: &[&Server]) {
        *self.0.lock().unwrap() = servers.iter().map(|server| server.at).collect();
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        assert_eq!(target.to_string(), "feed.test:4100");
        let found = self.0.lock().unwrap().clone();
        std::future::ready(match found.is_empty() {
            true => Err(io::ErrorKind::NotFound.into()),
            false => Ok(found),
        })
        .boxed()
    }
}

fn edge(names: &Names) -> Peers {
    let config = Config {
        peers: BTreeMap::from([(
            "feed".to_owned(),
            vec!["dns:feed.test:4100".parse().unwrap()],
        )]),
    };
    let names: Arc<dyn Resolve> = Arc::new(names.clone());
    Mesh::resolving(&config, &names)
        .unwrap()
        .peers(keys("edge"))
}

#[tokio::test]
async fn sc_4_endpoints_follow_what_a_name_means() {
    let names = Names::default();
    let (one, two) = (Server::echo().await, Server::echo().await);
    names.set(&[&one]);
    let peers = edge(&names);
    call(&peers, GET).await.unwrap();
    names.set(&[&one, &two]);
    while two.calls() == 0 {
        call(&peers, GET).await.unwrap();
        tokio::task::yield_now().await;
    }
    names.set(&[&two]);
    // Who has left the name is not called once that has been noticed.
    let mut quiet = 0;
    while quiet < 50 {
        let seen = one.calls();
        call(&peers, GET).await.unwrap();
        quiet = if one.calls() == seen { quiet + 1 } else { 0 };
        tokio::task::yield_now().await;
    }
    // A name nobody knows for a while changes nothing.
    names.set(&[]);
    for _ in 0..20 {
        call(&peers, GET).await.unwrap();
    }
}

#[tokio::test]
async fn sc_4_a_name_nobody_knows_is_a_503_until_it_is_known() {
    let names = Names::default();
    let peers = edge(&names);
    assert!(call(&peers, GET).await.is_err());
    let server = Server::echo().await;
    names.set(&[&server]);
    until_ok(&peers, GET).await;
}
