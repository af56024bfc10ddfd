//! A Redis database per test.

use std::time::Duration;

use redis::Redis;

/// A test that holds a database longer than this was killed.
const LEASE: Duration = Duration::from_secs(900);

/// The number of a Redis database that nobody else uses.
#[derive(Debug)]
pub(crate) struct Number {
    server: String,
    number: i64,
}

impl Number {
    pub(crate) async fn take(server: &str) -> Self {
        let server = server.trim_end_matches('/').to_owned();
        let shared = Redis::connect(&server)
            .await
            .expect("SF_TEST_REDIS_URL names a Redis that answers");
        // Numbers are one byte in the client; number 0 shares the others out.
        let most = i64::from(shared.databases().await.unwrap_or(16).clamp(2, 256)) - 1;
        loop {
            let number = shared
                .incr("sf:testkit:next", 1)
                .await
                .expect("Redis counts")
                % most
                + 1;
            if shared
                .set_new(&lease(number), "", LEASE)
                .await
                .expect("Redis answers")
            {
                shared.close().await;
                let taken = Self { server, number };
                let own = Redis::connect(&taken.url())
                    .await
                    .expect("the database exists");
                own.flush().await.expect("the database can be emptied");
                own.close().await;
                return taken;
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server, self.number)
    }

    pub(crate) async fn give_back(self) {
        if let Ok(shared) = Redis::connect(&self.server).await {
            // Unreturned numbers come back with their lease.
            let _returned = shared.del(&[&lease(self.number)]).await;
            shared.close().await;
        }
    }
}

fn lease(number: i64) -> String {
    format!("sf:testkit:db:{number}")
}
