//! Case 122 over HTTP/2: floods of frames end the connection, not the server.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use trefoil_serve::listen::Limits;

use crate::harness::{Certificate, PATIENCE, Running, ask, connect_tls, start};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `GET https://a/` in HPACK: three indexed fields, and `:authority` as a literal.
const GET_ROOT: &[u8] = b"\x82\x87\x84\x01\x01a";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

struct H2 {
    _dir: tempfile::TempDir,
    certificate: Certificate,
    server: Running,
}

impl H2 {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let certificate = Certificate::in_dir(dir.path());
        let server = start(Limits::default(), Some(certificate.open())).await;
        Self { _dir: dir, certificate, server }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let mut stream = connect_tls(self.server.address, self.certificate.der(), &["h2"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat();
        stream.write_all(&preface).await.unwrap();
        stream
    }

    /// Sends `flood` until the server closes; tells whether a GOAWAY came with it.
    async fn drown(&self, mut flood: impl FnMut() -> Vec<u8> + Send) -> bool {
        let (mut read, mut write) = tokio::io::split(self.connect().await);
        let reading = async {
            let mut goaway = false;
            while let Ok(kind) = next_frame(&mut read).await {
                goaway |= kind == GOAWAY;
            }
            goaway
        };
        let writing = async {
            while write.write_all(&flood()).await.is_ok() && write.flush().await.is_ok() {
                tokio::task::yield_now().await;
            }
            std::future::pending::<()>().await;
        };
        let closed = async {
            tokio::select! {
                goaway = reading => goaway,
                () = writing => unreachable!(),
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("the server must close this connection")
    }

    async fn is_serving(&self) {
        let mut stream =
            connect_tls(self.server.address, self.certificate.der(), &["http/1.1"]).await.unwrap();
        assert!(ask(&mut stream, "/").await.ends_with("hello"));
    }
}

/// Reads one frame and returns its kind.
async fn next_frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<u8> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    stream.read_exact(&mut vec![0; length]).await?;
    Ok(head[3])
}

#[tokio::test]
async fn d29_http2_is_spoken_where_alpn_says_so() {
    let h2 = H2::start().await;
    let mut stream = h2.connect().await;
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_ROOT)).await.unwrap();
    let answered = async { while next_frame(&mut stream).await.unwrap() != HEADERS {} };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test]
async fn a120_a_slow_body_is_answered_over_http2_too() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let server = start(crate::harness::short(), Some(certificate.open())).await;
    let h2 = H2 { _dir: dir, certificate, server };
    let mut stream = h2.connect().await;
    let post_length = b"\x83\x87\x04\x07/length\x01\x01a";
    stream.write_all(&frame(HEADERS, END_HEADERS, 1, post_length)).await.unwrap();
    let answered = async { while next_frame(&mut stream).await.unwrap() != HEADERS {} };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test]
async fn a122_a_flood_of_resets_ends_the_connection() {
    let h2 = H2::start().await;
    let mut stream = 1;
    let flood = move || {
        let mut frames = Vec::new();
        for _ in 0..100 {
            frames.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET_ROOT));
            frames.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            stream += 2;
        }
        frames
    };
    assert!(h2.drown(flood).await, "closed without GOAWAY");
    h2.is_serving().await;
}

#[tokio::test]
async fn a122_a_flood_of_continuations_ends_the_connection() {
    let h2 = H2::start().await;
    let mut begun = false;
    let flood = move || {
        // A literal field that is never indexed, over and over, without END_HEADERS.
        let padding = b"\x10\x01x\x7f\x81\x01".iter().copied().chain([b'y'; 256]).collect::<Vec<u8>>();
        if std::mem::replace(&mut begun, true) {
            frame(CONTINUATION, 0, 1, &padding)
        } else {
            frame(HEADERS, END_STREAM, 1, GET_ROOT)
        }
    };
    h2.drown(flood).await;
    h2.is_serving().await;
}

#[tokio::test]
async fn a121_an_http2_header_list_of_more_than_16_kb_is_431() {
    let h2 = H2::start().await;
    let mut stream = h2.connect().await;
    // 60 fields of 300 bytes: too much in sum, in frames that are each allowed.
    let field = b"\x10\x01x\x7f\xad\x01".iter().copied().chain([b'y'; 300]).collect::<Vec<u8>>();
    let block = [GET_ROOT, &field.repeat(60)].concat();
    let (first, rest) = block.split_at(10_000);
    stream.write_all(&frame(HEADERS, END_STREAM, 1, first)).await.unwrap();
    stream.write_all(&frame(CONTINUATION, END_HEADERS, 1, rest)).await.unwrap();
    let refused = async {
        loop {
            match next_frame(&mut stream).await {
                Ok(HEADERS | RST_STREAM | GOAWAY) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
    h2.is_serving().await;
}

#[tokio::test]
async fn a122_pings_do_not_keep_an_idle_connection_open() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let server = start(crate::harness::short(), Some(certificate.open())).await;
    let h2 = H2 { _dir: dir, certificate, server };
    let flood = || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        frame(PING, 0, 0, &[0; 8])
    };
    h2.drown(flood).await;
}
