//! Proxies: none from the environment, one that was named for https alone, and errors that name it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use trefoil_client::http::ApiClient;
use trefoil_client::{Client, ErrorKind, Remedy, RetryPolicy};

use super::examples::{example, servers};
use super::tls::tls_server;
use crate::mock::{Answer, Mock};

/// Every variable by which a program may be given a proxy.
const VARIABLES: [&str; 7] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "ftp_proxy"];

#[test]
fn w04_no_proxy_of_the_environment_sees_a_request() {
    for name in ["machine_to_machine", "machine_to_machine_blocking", "legacy"] {
        let ((server, resource), proxy) = (servers(), Mock::start(|_| Answer::new(502, "of the proxy")));
        let mut command = example(name);
        for variable in VARIABLES {
            command.env(variable, proxy.base());
        }
        let output = command
            .args(["--issuer", server.base(), "--client-id", "billing", "--client-secret", "s3cret"])
            .args(["--resource", "r", "--api", &resource.url("/x").replace("127.0.0.1", "0.0.0.0")])
            .args(["--allow-plain-http", "0.0.0.0"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(proxy.requests(), 0, "{name}");
    }
}

#[tokio::test]
async fn w04_plain_http_goes_past_a_named_proxy() {
    let proxy = Mock::start(|_| Answer::new(502, "of the proxy"));
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let builder = Client::builder("billing").proxy(proxy.base()).discover(server.base()).await.unwrap();
    let session = builder.build().unwrap().client_credentials().cached();
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    let base = resource.base().replace("127.0.0.1", "0.0.0.0");
    let api =
        ApiClient::new(&base).unwrap().proxy(proxy.base()).unwrap().allow_plain_http("0.0.0.0").unwrap();
    assert_eq!(api.with(session).get("/").send().await.unwrap().text().await.unwrap(), "fine");
    assert_eq!(proxy.requests(), 0);
}

#[tokio::test]
async fn w04_https_goes_through_a_named_proxy_which_sees_no_content() {
    let (issuer, pem) = tls_server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let head = read_head(&mut client).await;
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let mut server = TcpStream::connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
        let mut first = vec![0; 16];
        client.read_exact(&mut first).await.unwrap();
        server.write_all(&first).await.unwrap();
        let _ends = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        (head, first)
    });
    let builder = Client::builder("c").proxy(proxy).root_ca_pem(pem).discover(&issuer).await.unwrap();
    drop(builder);
    let (head, first) = seen.await.unwrap();
    assert!(head.starts_with("CONNECT localhost:"), "{head}");
    assert_eq!(first[0], 0x16, "a TLS handshake follows");
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn case_25_an_error_of_the_proxy_names_it_and_not_its_password() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let discover = |proxy: String| async move {
        let builder = Client::builder("c").proxy(proxy).retry(RetryPolicy::never());
        builder.discover("https://auth.example").await.unwrap_err()
    };
    let error = discover(format!("http://user:canary@{dead}")).await;
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Connect, Remedy::Retry { after: None }));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&format!("the proxy http://{dead}")), "{shown}");
    assert!(!shown.contains("canary") && !shown.contains("server running"), "{shown}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            read_head(&mut client).await;
            client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
        }
    });
    let error = discover(format!("http://{refusing}")).await;
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Connect, Remedy::FixConfiguration));
    assert!(
        error.to_string().contains(&format!("the proxy http://{refusing} makes no connection")),
        "{error}"
    );
}

#[test]
fn w04_a_proxy_that_is_none_is_refused_without_being_shown() {
    for bad in ["canary", "socks5://canary@127.0.0.1:1", "ftp://canary"] {
        let error = Client::builder("c").proxy(bad).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
