//! Templates, routes and what is refused at the start.

use transcode::{BuildError, RouteError, Transcoder};

use crate::protos::{compile, find, transcoder};

fn rpc(method: &str, path: &str) -> String {
    let found = find(method, path);
    let name = found.route.rpc.rsplit('/').next().unwrap().to_owned();
    let variables: Vec<String> = found
        .variables()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if variables.is_empty() {
        name
    } else {
        format!("{name} {}", variables.join(" "))
    }
}

fn allowed(method: &str, path: &str) -> Vec<String> {
    match transcoder().find(method, path) {
        Err(RouteError::MethodNotAllowed { allow }) => allow,
        other => panic!("{method} {path}: {other:?}"),
    }
}

#[test]
fn tr_14_templates_capture_decoded_segments() {
    let table = [
        ("GET", "/api/v1/notes", "ListNotes"),
        ("GET", "/api/v1/notes/", "ListNotes"),
        ("GET", "/api/v1/boards/b1/notes", "ListNotes boardId=b1"),
        ("GET", "/api/v1/notes/n1", "GetNote id=n1"),
        ("GET", "/api/v1/notes/a%2Fb%20c", "GetNote id=a/b c"),
        ("GET", "/api/v1/notes/%C3%A9", "GetNote id=é"),
        (
            "PATCH",
            "/api/v1/boards/b/notes/n",
            "UpdateNote note.boardId=b id=n",
        ),
        ("GET", "/files/a/b%2Fc/d.txt", "GetFile path=a/b%2Fc/d.txt"),
        ("GET", "/files", "GetFile path="),
        (
            "GET",
            "/shelves/rows/7/shelves/8",
            "Anything id=rows/7/shelves/8",
        ),
        ("POST", "/api/v1/notes/n1:archive", "ArchiveNote id=n1"),
        ("GET", "/api/v1/notes/n1:other", "GetNote id=n1:other"),
        ("GET", "/api/v1/notes/n1%3Aarchive", "GetNote id=n1:archive"),
        ("BREW", "/any/x", "Anything id=x"),
        ("PURGE", "/any/x", "Anything id=x"),
    ];
    for (method, path, expected) in table {
        assert_eq!(rpc(method, path), expected, "{method} {path}");
    }
}

#[test]
fn tr_14_literals_beat_variables_from_left_to_right() {
    assert_eq!(rpc("GET", "/api/v1/notes/search"), "SearchNotes");
    assert_eq!(rpc("GET", "/api/v1/notes/search%2F"), "GetNote id=search/");
    assert_eq!(
        rpc("GET", "/api/v1/notes/search/title"),
        "GetTitle id=search"
    );
}

#[test]
fn tr_14_bad_paths_are_refused_before_routing() {
    for path in [
        "/api/v1//notes",
        "/api/v1/notes/%",
        "/api/v1/notes/%ff",
        "/api/v1/./notes",
        "/api/v1/notes/;a=b",
        "x",
    ] {
        assert!(
            matches!(transcoder().find("GET", path), Err(RouteError::BadPath(_))),
            "{path}"
        );
    }
}

#[test]
fn tr_19_get_answers_head_and_unknown_paths_are_not_found() {
    assert_eq!(rpc("HEAD", "/api/v1/notes/n1"), "GetNote id=n1");
    for path in [
        "/",
        "/api/v1",
        "/api/v1/notes/n1/unknown",
        "/api/v1/nothing",
        "/internal",
    ] {
        assert_eq!(
            transcoder().find("GET", path).unwrap_err(),
            RouteError::NotFound,
            "{path}"
        );
    }
}

#[test]
fn k_6_the_most_specific_template_decides_before_its_methods() {
    assert_eq!(
        allowed("PUT", "/api/v1/notes/search"),
        ["GET", "HEAD", "OPTIONS"]
    );
    assert_eq!(
        allowed("POST", "/api/v1/notes/n1"),
        ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT"]
    );
    assert_eq!(
        allowed("OPTIONS", "/api/v1/notes"),
        ["GET", "HEAD", "OPTIONS", "POST"]
    );
    assert_eq!(
        allowed("GET", "/api/v1/notes/n1:archive"),
        ["OPTIONS", "POST"]
    );
    assert_eq!(
        allowed("get", "/api/v1/notes"),
        ["GET", "HEAD", "OPTIONS", "POST"]
    );
}

#[test]
fn tr_20_aliases_are_routes_of_the_same_rpc() {
    let routes: Vec<_> = transcoder()
        .routes()
        .iter()
        .filter(|route| route.rpc.ends_with("/UpdateNote"))
        .collect();
    let shown: Vec<_> = routes
        .iter()
        .map(|route| (route.method.as_str(), route.additional))
        .collect();
    assert_eq!(shown, [("PUT", false), ("PATCH", true), ("PATCH", true)]);
    assert_eq!(routes[0].rpc, "/test.v1.BoardService/UpdateNote");
    assert_eq!(
        (routes[0].input.as_str(), routes[0].output.as_str()),
        ("test.v1.UpdateNoteRequest", "test.v1.Note")
    );
}

#[test]
fn an_rpc_without_a_rule_has_no_route() {
    assert!(
        transcoder()
            .routes()
            .iter()
            .all(|route| !route.rpc.ends_with("/Internal"))
    );
}

fn service(name: &str, rpcs: &str) -> Result<Transcoder, BuildError> {
    let text = format!(
        "syntax = \"proto3\"; package t; import \"google/api/annotations.proto\";
         message M {{ string id = 1; repeated string many = 2; M m = 3; map<string, string> map = 4; }}
         service S {{ {rpcs} }}"
    );
    compile(name, &text)
}

#[test]
fn gw_1_equal_templates_of_one_method_stop_the_start_with_both_names() {
    let two = |first: &str, second: &str| {
        format!(
            "rpc A(M) returns (M) {{ option (google.api.http) = {{ {first} }}; }}
             rpc B(M) returns (M) {{ option (google.api.http) = {{ {second} }}; }}"
        )
    };
    let error = service("equal", &two("get: \"/x/{id}/y\"", "get: \"/x/{m.id}/y\"")).unwrap_err();
    let text = error.to_string();
    for part in ["GET", "/t.S/A", "/t.S/B", "/x/{id}/y", "/x/{m.id}/y"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(service("equal-star", &two("get: \"/x/*\"", "get: \"/x/{id}\"")).is_err());
    assert!(service("methods", &two("get: \"/x/{id}\"", "put: \"/x/{id}\"")).is_ok());
    assert!(service("literal", &two("get: \"/x/{id}\"", "get: \"/x/y\"")).is_ok());
    assert!(service("verbs", &two("get: \"/x/{id}\"", "get: \"/x/{id}:go\"")).is_ok());
    assert!(service("rest", &two("get: \"/x/{id}\"", "get: \"/x/{id=**}\"")).is_ok());
}

#[test]
fn rules_that_cannot_be_bound_stop_the_start_with_the_rpc() {
    let wrong = [
        ("get: \"/x/{nothing}\"", "nothing"),
        ("get: \"/x/{many}\"", "repeated"),
        ("get: \"/x/{map}\"", "repeated"),
        ("get: \"/x/{m}\"", "message"),
        ("get: \"/x/{id.id}\"", "no message"),
        ("post: \"/x\" body: \"nothing\"", "nothing"),
        ("get: \"/x\" response_body: \"nothing\"", "nothing"),
        ("get: \"/x/{id\"", "template"),
        ("body: \"*\"", "pattern"),
    ];
    for (index, (rule, expected)) in wrong.into_iter().enumerate() {
        let rpc = format!("rpc A(M) returns (M) {{ option (google.api.http) = {{ {rule} }}; }}");
        let text = service(&format!("wrong-{index}"), &rpc)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("/t.S/A") && text.contains(expected),
            "{rule}: {text}"
        );
    }
}

#[test]
fn st_1_a_server_stream_can_have_a_rule_and_a_client_stream_cannot() {
    let rpc = |input: &str, output: &str, more: &str| {
        format!(
            "rpc A({input}) returns ({output}) {{ option (google.api.http) = {{ get: \"/x\" {more} }}; }}"
        )
    };
    let served = service("stream", &rpc("M", "stream M", "")).unwrap();
    assert!(served.routes()[0].streaming);
    let unary = service("unary", &rpc("M", "M", "")).unwrap();
    assert!(!unary.routes()[0].streaming);
    let wrong = [
        (rpc("stream M", "M", ""), "client-streaming"),
        (rpc("stream M", "stream M", ""), "client-streaming"),
        (
            rpc("M", "stream M", "response_body: \"id\""),
            "response_body",
        ),
    ];
    for (index, (rpc, expected)) in wrong.into_iter().enumerate() {
        let text = service(&format!("streams-{index}"), &rpc)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("/t.S/A") && text.contains(expected),
            "{rpc}: {text}"
        );
    }
}

#[test]
fn a_descriptor_that_is_none_is_refused() {
    assert!(matches!(
        Transcoder::new(b"\xff\xff"),
        Err(BuildError::Descriptor(_))
    ));
    assert!(Transcoder::new(b"").unwrap().routes().is_empty());
}

#[test]
fn tr_14_every_path_of_few_symbols_is_answered() {
    // All paths of up to four symbols: none may panic, and what routes must normalise to its template's shape.
    let symbols = ["/", "any", "%2F", "files", ":", ".", "x", "%"];
    let mut paths = vec![String::new()];
    for _ in 0..4 {
        let longer: Vec<String> = paths
            .iter()
            .flat_map(|path| symbols.iter().map(move |symbol| format!("{path}{symbol}")))
            .collect();
        paths.extend(longer);
        paths.sort();
        paths.dedup();
    }
    for path in paths {
        if let Ok(found) = transcoder().find("GET", &path) {
            assert!(
                path.starts_with("/any/") || path.starts_with("/files"),
                "{path} → {}",
                found.route.template
            );
        }
    }
}
