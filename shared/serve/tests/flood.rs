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
            while let Ok((kind, _)) = next_frame(&mut read).await {
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

/// Reads one frame and returns its kind and its payload.
async fn next_frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    Ok((head[3], payload))
}

/// Reads up to the next answer and returns its status.
async fn next_status(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> u16 {
    let reading = async {
        loop {
            match next_frame(stream).await.unwrap() {
                (HEADERS, block) => return status(&block),
                (kind @ (RST_STREAM | GOAWAY), _) => panic!("frame {kind} in the place of an answer"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap()
}

/// The status that a header block begins with: RFC 7541, sections 6.1 and 6.2, and its tables.
fn status(block: &[u8]) -> u16 {
    let fields = &block[block.iter().take_while(|byte| **byte & 0xe0 == 0x20).count()..];
    match *fields {
        [indexed @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        // The name `:status` of the static table, and a literal of three digits.
        [0x48 | 0x08 | 0x18, length, ref value @ ..] => {
            let value = &value[..usize::from(length & 0x7f)];
            let digits = if length & 0x80 == 0 {
                String::from_utf8(value.to_vec()).unwrap()
            } else {
                huffman_digits(value)
            };
            digits.parse().unwrap()
        }
        _ => panic!("a header block without a status: {block:?}"),
    }
}

/// Three digits in the Huffman code of RFC 7541: 0 to 2 have five bits, 3 to 9 have six.
fn huffman_digits(bytes: &[u8]) -> String {
    let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |n| u32::from(byte >> n & 1)));
    let mut digit = || {
        let five = (0..5).fold(0, |code, _| code << 1 | bits.next().unwrap());
        let value = if five <= 2 { five } else { (five << 1 | bits.next().unwrap()) - 0b01_1001 + 3 };
        char::from_digit(value, 10).unwrap()
    };
    [digit(), digit(), digit()].iter().collect()
}

#[tokio::test]
async fn d29_http2_is_spoken_where_alpn_says_so() {
    let h2 = H2::start().await;
    let mut stream = h2.connect().await;
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, GET_ROOT)).await.unwrap();
    assert_eq!(next_status(&mut stream).await, 200);
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
    assert_eq!(next_status(&mut stream).await, 408);
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
    // Each frame is allowed. HTTP/2 counts 32 bytes more for each field (RFC 9113 section 6.5.2).
    for (fields, expected) in [(40, 200), (60, 431)] {
        let mut stream = h2.connect().await;
        let field = b"\x10\x01x\x7f\xad\x01".iter().copied().chain([b'y'; 300]).collect::<Vec<u8>>();
        let block = [GET_ROOT, &field.repeat(fields)].concat();
        let (first, rest) = block.split_at(10_000);
        stream.write_all(&frame(HEADERS, END_STREAM, 1, first)).await.unwrap();
        stream.write_all(&frame(CONTINUATION, END_HEADERS, 1, rest)).await.unwrap();
        assert_eq!(next_status(&mut stream).await, expected, "{fields} fields of 300 bytes");
    }
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
