//! One connection at a time: write a request, read the answer, note the time.

use std::time::Instant;

use anyhow::{Context as _, bail};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Load;
use crate::sample::Shape;

/// Keeps one connection busy until `until`, or makes one after the other where they are not kept. The times are
/// microseconds.
pub(super) async fn drive(load: &Load, until: Instant) -> anyhow::Result<Vec<u32>> {
    let mut times = Vec::with_capacity(1 << 14);
    loop {
        let began = Instant::now();
        let more = match &load.tls {
            None => exchange(load, connect(load).await?, (until, began), &mut times).await?,
            Some(tls) => {
                let name = ServerName::from(load.address.ip());
                let stream = tls.connect(name, connect(load).await?).await?;
                exchange(load, stream, (until, began), &mut times).await?
            }
        };
        if !more {
            return Ok(times);
        }
    }
}

/// One request on a connection of its own; the answer's bytes.
pub(super) async fn once(load: &Load) -> anyhow::Result<Vec<u8>> {
    let request = load.requests.next().context("a request")?;
    let mut buffer = Vec::new();
    match &load.tls {
        None => send(&mut connect(load).await?, request, &mut buffer).await?,
        Some(tls) => {
            let name = ServerName::from(load.address.ip());
            let mut stream = tls.connect(name, connect(load).await?).await?;
            send(&mut stream, request, &mut buffer).await?
        }
    };
    Ok(buffer)
}

/// So many requests on one connection without TLS.
pub(super) async fn some(load: &Load, count: usize) -> anyhow::Result<()> {
    let mut stream = connect(load).await?;
    let mut buffer = Vec::new();
    for _ in 0..count {
        let Some(request) = load.requests.next() else { return Ok(()) };
        buffer.clear();
        let status = send(&mut stream, request, &mut buffer).await?;
        anyhow::ensure!(status == load.status, "{}", String::from_utf8_lossy(&buffer));
    }
    Ok(())
}

async fn connect(load: &Load) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(load.address).await?;
    stream.set_nodelay(true)?;
    if !load.keep_alive {
        // Ports come back at once instead of after a minute.
        stream.set_zero_linger()?;
    }
    Ok(stream)
}

/// Uses one connection up; whether another one is wanted.
async fn exchange<T: AsyncRead + AsyncWrite + Unpin>(
    load: &Load,
    mut stream: T,
    (until, mut began): (Instant, Instant),
    times: &mut Vec<u32>,
) -> anyhow::Result<bool> {
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let Some(request) = load.requests.next().filter(|_| began < until) else { return Ok(false) };
        buffer.clear();
        let status = send(&mut stream, request, &mut buffer).await?;
        if status != load.status {
            bail!("{status} instead of {}: {}", load.status, String::from_utf8_lossy(&buffer));
        }
        let now = Instant::now();
        times.push(u32::try_from((now - began).as_micros()).unwrap_or(u32::MAX));
        began = now;
        if !load.keep_alive {
            return Ok(true);
        }
    }
}

/// Writes a request and reads the whole answer into `buffer`; its status.
async fn send<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    request: &[u8],
    buffer: &mut Vec<u8>,
) -> anyhow::Result<u16> {
    stream.write_all(request).await?;
    // TLS keeps what it encrypts until it is told to send.
    stream.flush().await?;
    let mut shape = None;
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the connection ended inside an answer: {}", String::from_utf8_lossy(buffer));
        }
        if shape.is_none() {
            shape = Shape::of(buffer)?;
        }
        if let Some(shape) = shape
            && buffer.len() >= shape.whole
        {
            return Ok(shape.status);
        }
    }
}
