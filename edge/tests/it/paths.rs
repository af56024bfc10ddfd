//! A path is one path: the access class that is applied is that of the RPC that is called, or nothing is (T19, TR-14, K-7).

use contracts::{Access, RpcRule};

use crate::forger::bearer;
use crate::house::{House, without_limits};

const ID: &str = "018f0000-0000-7000-8000-000000000000";

/// What becomes of a path: refused before any route, or an RPC.
#[derive(Debug, Clone, Copy)]
enum Meant {
    /// 400: it could be read in two ways.
    Ambiguous,
    /// 404: it is clear and there is nothing.
    Nothing,
    /// This RPC and no other.
    Rpc(&'static str),
}

use Meant::{Ambiguous, Nothing, Rpc};

/// Paths to read, an access class of which nobody needs a token. `{id}` is an id.
#[rustfmt::skip] // one vector a line
const READS: &[(&str, Meant)] = &[
    // As written.
    ("/api/v1/feed", Rpc("ListFeed")),
    ("/api/v1/feed/", Rpc("ListFeed")),
    ("/api/feed", Rpc("ListFeed")),
    ("/api/v1/posts/{id}", Rpc("GetPost")),
    ("/api/v1/posts/{id}/", Rpc("GetPost")),
    ("/api/v1/auth/me", Rpc("GetMe")),
    ("/api/auth/me", Rpc("GetMe")),
    // Escapes that stand for what is written plainly.
    ("/api/v1/%66eed", Rpc("ListFeed")),
    ("/api/v1/f%65%65d", Rpc("ListFeed")),
    ("/%61%70%69/v1/feed", Rpc("ListFeed")),
    ("/api/%76%31/feed", Rpc("ListFeed")),
    ("/api/%761/feed", Rpc("ListFeed")),
    ("/api/v1/%61uth/%6d%65", Rpc("GetMe")),
    ("/api/%61uth/me", Rpc("GetMe")),
    // Escapes are undone once, and never across a segment.
    ("/api/v1/%2566eed", Nothing),
    ("/api/v1/feed%2f", Nothing),
    ("/api/v1%2ffeed", Nothing),
    ("/api%2fv1%2ffeed", Nothing),
    ("/api/v1/auth%2fme", Nothing),
    ("/api/v1/auth%2Fme", Nothing),
    ("/api/v1/auth%5cme", Nothing),
    ("/api/v1/auth/me%00", Nothing),
    ("/api/v1/auth/me%20", Nothing),
    ("/api/v1/auth/me%09", Nothing),
    ("/api/v1/auth/me%0d%0a", Nothing),
    ("/api/v1/auth/me%3fx=1", Nothing),
    ("/api/v1/auth/me%23", Nothing),
    ("/api/v1/auth/me%3bx", Nothing),
    // Dot segments, plain and escaped.
    ("/api/v1/../v1/feed", Ambiguous),
    ("/api/v1/./feed", Ambiguous),
    ("/api/v1/feed/.", Ambiguous),
    ("/api/v1/feed/..", Ambiguous),
    ("/api/v1/feed/../auth/me", Ambiguous),
    ("/api/v1/feed/%2e%2e/auth/me", Ambiguous),
    ("/api/v1/feed/%2E%2e/auth/me", Ambiguous),
    ("/api/v1/feed/.%2e/auth/me", Ambiguous),
    ("/api/v1/feed/%2e/", Ambiguous),
    ("/api/v1/auth/me/%2e", Ambiguous),
    ("/../api/v1/auth/me", Ambiguous),
    ("/api/../api/v1/auth/me", Ambiguous),
    ("/api/docs/%2e%2e/v1/auth/me", Nothing),
    ("/api/docs/../v1/auth/me", Nothing),
    ("/livez/../api/v1/auth/me", Ambiguous),
    ("/.well-known/../api/v1/auth/me", Ambiguous),
    ("/api/v1/feed/..%2fauth/me", Nothing),
    ("/api/v1/feed/%252e%252e/auth/me", Nothing),
    ("/api/v1/feed/..;/auth/me", Ambiguous),
    ("/api/v1/.../auth/me", Nothing),
    // Empty segments.
    ("//api/v1/feed", Ambiguous),
    ("///api/v1/auth/me", Ambiguous),
    ("/api//v1/feed", Ambiguous),
    ("/api/v1//feed", Ambiguous),
    ("/api/v1/auth//me", Ambiguous),
    ("/api/v1/auth/me//", Ambiguous),
    ("/api/v1/posts//", Ambiguous),
    // Parameters, fragments, other separators.
    ("/api/v1/feed;x=1", Ambiguous),
    ("/api/v1/auth/me;.json", Ambiguous),
    ("/api/v1/auth;/me", Ambiguous),
    ("/api/v1;x/auth/me", Ambiguous),
    ("/api;x/v1/auth/me", Ambiguous),
    ("/api/v1\\auth\\me", Ambiguous),
    ("/api\\v1\\auth\\me", Ambiguous),
    ("/api/v1/feed\\..\\auth\\me", Ambiguous),
    ("/api/v1/auth/me.json", Nothing),
    ("/api/v1/auth/me,x", Nothing),
    ("/api/v1/auth/me:x", Nothing),
    ("/api/v1/auth/me&x", Nothing),
    ("/api/v1/auth/me+", Nothing),
    // Escapes that are none, and bytes that are no UTF-8.
    ("/api/v1/feed%", Ambiguous),
    ("/api/v1/feed%6", Ambiguous),
    ("/api/v1/feed%zz", Ambiguous),
    ("/api/v1/feed%u002f", Ambiguous),
    ("/api/v1/posts/%ff", Ambiguous),
    ("/api/v1/posts/%c0%ae%c0%ae", Ambiguous),
    ("/api/v1/auth%c0%afme", Ambiguous),
    ("/api/v1/auth%e0%80%afme", Ambiguous),
    ("/api/v1/posts/%ed%a0%80", Ambiguous),
    ("/api/v1/posts/%f8%80%80%80%af", Ambiguous),
    ("/%c0%afapi/v1/auth/me", Ambiguous),
    // Characters that look like others.
    ("/api/v1/auth%ef%bc%8fme", Nothing),
    ("/api/v1/auth%e2%88%95me", Nothing),
    ("/api/v1/%ef%bd%86eed", Nothing),
    ("/api/v1/fee%c4%91", Nothing),
    // Other cases of letters are other paths.
    ("/API/v1/feed", Nothing),
    ("/api/V1/feed", Nothing),
    ("/api/v1/Feed", Nothing),
    ("/api/v1/auth/ME", Nothing),
    // Versions.
    ("/api/v01/feed", Nothing),
    ("/api/v001/auth/me", Nothing),
    ("/api/v1.0/feed", Nothing),
    ("/api/v2/feed", Nothing),
    ("/api/v0/feed", Nothing),
    ("/api/%76%32/feed", Nothing),
    ("/api/v18446744073709551617/feed", Nothing),
    ("/api/v1/v1/feed", Nothing),
    ("/api/api/v1/feed", Nothing),
    ("/api/v%31/../auth/me", Ambiguous),
    ("/v1/feed", Nothing),
    ("/feed", Nothing),
    // Targets that are no plain path.
    ("http://d/api/v1/feed", Rpc("ListFeed")),
    ("http://d/api/v1/auth/me", Rpc("GetMe")),
    ("http://d//api/v1/auth/me", Ambiguous),
    ("http://d/api/v1/feed/../auth/me", Ambiguous),
    ("http://d?/api/v1/auth/me", Nothing),
    ("api/v1/feed", Ambiguous),
    ("*", Ambiguous),
    // A query is no path.
    ("/api/v1/nothing?/../feed", Nothing),
    ("/?/api/v1/feed", Nothing),
    // Internal RPCs and gRPC names have no such path.
    ("/smilefactory.feed.v1.FeedService/ListFeed", Nothing),
    ("/api/v1/smilefactory.auth.v1.AuthService/CheckSession", Nothing),
];

#[tokio::test]
async fn t19_the_access_class_applied_is_that_of_the_rpc_called() {
    let house = House::open(without_limits).await;
    let token = bearer(&house.token(&house.rig.caller()));
    let mut wrong = Vec::new();
    for (path, meant) in READS {
        let path = path.replace("{id}", ID);
        for authorization in [None, Some(&*token), Some("Bearer forged")] {
            let reply = house.read(&path, authorization).await;
            let calls = house.take_calls();
            let right = match meant {
                Ambiguous => reply == 400 && calls.is_empty(),
                Nothing => matches!(reply, 400 | 404) && calls.is_empty(),
                Rpc(name) if admits(rule(name).access, authorization, &token) => calls == [*name],
                Rpc(_) => reply == 401 && calls.is_empty(),
            };
            if !right {
                wrong.push(format!(
                    "{path} {:.20} is {reply}, {calls:?}, not {meant:?}",
                    authorization.unwrap_or("nobody")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Whether a class lets a caller with this header in.
fn admits(access: Access, authorization: Option<&str>, good: &str) -> bool {
    match access {
        Access::Public => true,
        Access::Optional => authorization.is_none_or(|it| it == good),
        Access::User => authorization.is_some_and(|it| it == good),
        Access::Staff | Access::Service => false,
    }
}

fn rule(name: &str) -> &'static RpcRule {
    let mut rules = contracts::rpcs().iter();
    rules.find(|rule| rule.name() == name).unwrap()
}

#[tokio::test]
async fn k_6_the_method_is_judged_by_the_same_path() {
    let house = House::open(without_limits).await;
    let token = bearer(&house.token(&house.rig.caller()));
    let auth = [("Authorization", &*token)];
    for (method, path, status) in [
        // A literal beats a variable whatever its methods are, however it is written.
        ("PUT", "/api/v1/profiles/switch", 405),
        ("PUT", "/api/v1/profiles/%73witch", 405),
        ("GET", "/api/profiles/swit%63h/", 405),
        ("DELETE", "/api/v1/profiles/switch", 405),
        ("GET", "/api/v1/auth/logout", 405),
        ("get", "/api/v1/feed", 405),
        ("GETX", "/api/v1/feed", 405),
        ("TRACE", "/api/v1/feed", 405),
        ("TRACK", "/api/v1/auth/me", 405),
        ("PROPFIND", "/api/v1/auth/me", 405),
        ("POST", "/health", 405),
        ("POST", "/api/v1/feed/../posts", 400),
    ] {
        let reply = house.send(method, path, &auth, "").await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
        // No header changes the method.
        let headers = [
            auth[0],
            ("X-HTTP-Method-Override", "GET"),
            ("X-HTTP-Method", "GET"),
            ("X-Method-Override", "GET"),
        ];
        let reply = house.send(method, path, &headers, "").await;
        assert_eq!(reply.status, status, "{method} {path}: {reply:?}");
    }
    assert_eq!(house.take_calls(), Vec::<String>::new());
}

impl House {
    /// Asks for a path as it is; returns the status.
    async fn read(&self, path: &str, authorization: Option<&str>) -> u16 {
        let header = authorization.map_or(String::new(), |it| format!("Authorization: {it}\r\n"));
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{header}\r\n");
        crate::house::Reply::parse(&self.raw(request.as_bytes()).await).status
    }

    /// The RPCs that requests of clients have called since this was last asked.
    fn take_calls(&self) -> Vec<String> {
        let mine = ["GetJwks", "WatchRevocations", "CheckSession"];
        let all = [self.auth.take(), self.feed.take()].concat();
        all.into_iter()
            .map(|call| call.rpc)
            .filter(|rpc| !mine.contains(&rpc.as_str()))
            .collect()
    }
}
