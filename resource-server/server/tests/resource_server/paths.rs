//! Path tricks and file tricks: policy runs on the path that is served, and nothing else is.

use std::os::unix::fs::symlink;

use crate::harness::{PROTECTED, Service, request};

#[tokio::test]
async fn a110_a_path_that_is_not_plain_is_404_with_and_without_a_token() {
    let service = Service::new();
    let tricks = [
        "//api_v0.0.1",
        "/api_v0.0.1//",
        "/api_v0.0.1;x",
        "/api_v0.0.1%3bx",
        "/api_v0.0.1/",
        "/api_v0.0.1/.",
        "/x/../api_v0.0.1",
        "/./api_v0.0.1",
        "/%2e/api_v0.0.1",
        "/x/%2e%2e/api_v0.0.1",
        "/%2fapi_v0.0.1",
        "/api_v0%2e0%2e1",
        "/api_v0.0.1%00",
        "/api_v0.0.1%23",
        "/api_v0.0.1%3f",
        "/API_V0.0.1",
        "/%252e",
        "/api_v0.0.1%",
        "/files/..%2fsecret",
        "/files/%2e%2e/secret",
        "/files/..;/secret",
        "/files%5c..%5csecret",
    ];
    let bearer = format!("Bearer {}", service.token());
    for trick in tricks {
        for headers in [&[][..], &[("authorization", &*bearer)]] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] {
                let answer = service.send(request(method, trick, headers)).await;
                assert_eq!(answer.status, 404, "{method} {trick}");
                assert!(!answer.body.contains("canary"), "{method} {trick}");
            }
        }
    }
}

#[tokio::test]
async fn a110_a_fragment_does_not_change_the_route() {
    let service = Service::new();
    assert_eq!(service.send(request("GET", "/api_v0.0.1#/health", &[])).await.status, 401);
    assert_eq!(service.send(request("GET", "/api_v0.0.1?x=/../health", &[])).await.status, 401);
}

#[tokio::test]
async fn a110_no_header_moves_a_request_to_another_route() {
    let service = Service::new();
    let moves =
        ["x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri", "x-forwarded-prefix"];
    for name in moves {
        let answer = service.send(request("GET", "/api_v0.0.1", &[(name, "/health")])).await;
        assert_eq!(answer.status, 401, "{name}");
        let answer = service.send(request("GET", "/health", &[(name, "/api_v0.0.1")])).await;
        assert_eq!((answer.status.as_u16(), answer.body.contains("protected")), (200, false), "{name}");
    }
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        assert_eq!(service.send(request("POST", "/health", &[(name, "GET")])).await.status, 405, "{name}");
    }
}

#[tokio::test]
async fn a110_head_has_gets_policy_and_options_is_no_way_in() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token());
    for method in ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"] {
        let answer = service.send(request(method, "/api_v0.0.1", &[])).await;
        assert_eq!(answer.status, 401, "{method} without a token");
        let answer = service.send(request(method, "/api_v0.0.1", &[("authorization", &bearer)])).await;
        if method == "HEAD" {
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("content-length"), PROTECTED.len().to_string());
        } else {
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD"), "{method}");
            assert_eq!(answer.error(), "method_not_allowed");
        }
    }
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
    let answer = service.send(request("OPTIONS", "/api_v0.0.1", &preflight)).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, ""));
}

#[tokio::test]
async fn files_below_a_folder_are_served_by_their_decoded_name() {
    let service = Service::new();
    let answer = service.get("/files/deep/b%20c.txt", &service.token()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "b"));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(service.send(request("GET", "/files/a.json", &[])).await.status, 401);
}

#[tokio::test]
async fn a111_links_out_of_the_folder_hidden_files_and_folders_are_404() {
    let service = Service::new();
    let files = service.dir.path().join("files");
    symlink("../secret", files.join("link.json")).unwrap();
    symlink(service.dir.path(), files.join("up")).unwrap();
    symlink("/etc", files.join("etc")).unwrap();
    std::fs::write(files.join(".hidden"), "canary").unwrap();
    let made = std::process::Command::new("mkfifo").arg(files.join("pipe")).status().unwrap();
    assert!(made.success());
    symlink("../../secret", files.join("deep/link.json")).unwrap();
    symlink("../a.json", files.join("deep/inner.json")).unwrap();
    let token = service.token();
    let below_files = [
        "/link.json",
        "/up/secret",
        "/etc/passwd",
        "/.hidden",
        "/deep",
        "/deep/",
        "/",
        "",
        "/pipe",
        "/no",
        "/a.json/",
        "/a.json/x",
        "/.../secret",
        "/deep/link.json",
        "//a.json",
        "a.json",
    ];
    let below_deep = ["/link.json", "/inner.json", "", "/", "/shared.json/", "shared.json"];
    let paths = below_files.map(|path| format!("/files{path}")).into_iter();
    for path in paths.chain(below_deep.map(|path| format!("/deep{path}"))).chain(["/secret".to_owned()]) {
        let answer = service.get(&path, &token).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (404, "not_found"), "{path}");
    }
    for path in ["/deep/shared.json", "/files/deep/shared.json", "/files/deep/inner.json"] {
        assert_eq!(service.get(path, &token).await.status, 200, "{path}");
    }
    let file = files.join("a.json");
    assert_eq!(service.get("/files/a.json", &token).await.status, 200);
    std::fs::remove_file(&file).unwrap();
    symlink("../secret", &file).unwrap();
    eventually(async || service.get("/files/a.json", &token).await.status == 404).await;
}

#[tokio::test]
async fn w07_what_one_route_may_serve_is_not_served_by_another_that_may_not() {
    let service = Service::new();
    let (token, files) = (service.token(), service.dir.path().join("files"));
    symlink("../secret", files.join("link.json")).unwrap();
    symlink("../a.json", files.join("deep/inner.json")).unwrap();
    // Each pair of paths names one file; the first route may serve it, the second may not.
    let pairs = [
        ("/everything/files/link.json", "/files/link.json"),
        ("/everything/files/deep/inner.json", "/deep/inner.json"),
        ("/files/deep/inner.json", "/deep/inner.json"),
    ];
    for (allowed, refused) in pairs {
        for _ in 0..2 {
            assert_eq!(service.get(allowed, &token).await.status, 200, "{allowed}");
            assert_eq!(service.get(refused, &token).await.status, 404, "{refused} after {allowed}");
        }
    }
}

#[tokio::test]
async fn a_changed_file_is_served_soon_and_a_removed_one_is_404() {
    let service = Service::new();
    let (token, file) = (service.token(), service.dir.path().join("protected_resource.json"));
    assert_eq!(service.read(&token).await.body, PROTECTED);
    std::fs::write(&file, r#"{"about":"changed"}"#).unwrap();
    eventually(async || service.read(&token).await.body.contains("changed")).await;
    std::fs::remove_file(&file).unwrap();
    eventually(async || service.read(&token).await.status == 404).await;
    std::fs::write(&file, PROTECTED).unwrap();
    eventually(async || service.read(&token).await.body == PROTECTED).await;
}

#[tokio::test]
async fn a_large_file_arrives_whole() {
    let service = Service::new();
    let large = "0123456789abcdef".repeat(200_000);
    std::fs::write(service.dir.path().join("files/large.txt"), &large).unwrap();
    let answer = service.get("/files/large.txt", &service.token()).await;
    assert_eq!(answer.header("content-length"), large.len().to_string());
    assert!(answer.body == large);
}

/// Asks again until it is so; five seconds at most.
pub(crate) async fn eventually(so: impl AsyncFn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !so().await {
        assert!(std::time::Instant::now() < end, "not so after twenty seconds");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
