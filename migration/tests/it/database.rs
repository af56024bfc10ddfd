//! An empty database of the test's own.

use std::str::FromStr as _;

use migration::Target;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};

/// The role secret every test of this project uses, since roles belong to the server.
const ROLE_SECRET: &[u8] = b"smilefactory tests";

/// A database that is gone with the value, also when the test fails.
pub(crate) struct Database {
    server: PgConnectOptions,
    name: String,
    user: Option<String>,
    pub(crate) target: Target,
}

impl Database {
    #[allow(
        clippy::disallowed_methods,
        reason = "tests have no other configuration than where their servers are"
    )]
    pub(crate) async fn empty() -> Self {
        let url = std::env::var("SF_TEST_DATABASE_URL")
            .expect("SF_TEST_DATABASE_URL names the test server");
        let name = format!("sf_migration_{}", uuid::Uuid::new_v4().simple());
        let server = PgConnectOptions::from_str(&url).unwrap();
        let mut admin = server.connect().await.unwrap();
        execute(
            &mut admin,
            &format!("create database {name} template template0"),
        )
        .await;
        let target = Target::new(
            server.clone().database(&name).to_url_lossy().to_string(),
            ROLE_SECRET,
        );
        Self {
            server,
            name,
            user: None,
            target,
        }
    }

    /// An empty database that belongs to a user who is no superuser; the target signs in as that user.
    pub(crate) async fn of_plain_user() -> Self {
        let mut database = Self::empty().await;
        let user = format!("{}_user", database.name);
        let mut admin = database.server.connect().await.unwrap();
        execute(
            &mut admin,
            &format!(
                "create role {user} login createrole password 'plain'; alter database {} owner to {user}",
                database.name
            ),
        )
        .await;
        let url = database
            .server
            .clone()
            .username(&user)
            .password("plain")
            .database(&database.name);
        database.target = Target::new(url.to_url_lossy().to_string(), ROLE_SECRET);
        database.user = Some(user);
        database
    }

    /// A connection as the user of the test server, a superuser.
    pub(crate) async fn connect(&self) -> PgConnection {
        self.server
            .clone()
            .database(&self.name)
            .connect()
            .await
            .unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name, user) = (self.server.clone(), self.name.clone(), self.user.take());
        // On a thread of its own, because this one's runtime cannot be waited for.
        let away = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut admin = server.connect().await.unwrap();
                execute(&mut admin, &format!("drop database {name} with (force)")).await;
                if let Some(user) = user {
                    execute(
                        &mut admin,
                        &format!("drop owned by {user}; drop role {user}"),
                    )
                    .await;
                }
            });
        });
        away.join().unwrap();
    }
}

pub(crate) async fn execute(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}
