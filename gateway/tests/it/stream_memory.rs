//! How much memory an open stream holds.

use std::{alloc::System, time::Duration};

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::support::{TestGateway, TestServers};

/// Counts what every test of this program allocates.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Streams of one client. It may have 64.
const PER_CLIENT: usize = 50;
const STREAMS: usize = 200;
/// Most bytes that one stream may hold, with the test's own end of its connection. It holds 25 kB, of which the HTTP library's
/// two buffers are 16.
const MOST: usize = 36 * 1024;

/// Opens the stream of a new session's question and reads its first event.
async fn open(site: &TestGateway, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("127.0.1.{}:0", 1 + number / PER_CLIENT).parse().unwrap()).unwrap();
    let mut stream = socket.connect(site.gateway.address).await.unwrap();
    let context = json!({"url": "https://www.a.example/vi/mail", "title": "Thư"});
    let body =
        json!({"message": "Đổi mật khẩu?", "session_id": format!("session-{number:04}"), "context": context});
    let body = body.to_string();
    let head = format!(
        "POST /api/chat HTTP/1.1\r\nhost: a.example\r\naccept: text/event-stream\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut said = Vec::with_capacity(2048);
    while !said.windows(8).any(|part| part == b"accepted") {
        assert_ne!(stream.read_buf(&mut said).await.unwrap(), 0, "{}", String::from_utf8_lossy(&said));
    }
    stream
}

/// The bytes that this program has allocated and not freed since the region's beginning.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_holds_little_memory() {
    let servers = TestServers::new();
    let site = servers.gateway(&[("RATE_LIMIT__CHAT_PER_MINUTE", "0")]).await;
    // The first streams fill what is shared: pools, tables, the client's buffers.
    let mut streams = Vec::with_capacity(2 * STREAMS);
    for number in 0..STREAMS {
        streams.push(open(&site, number).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let region = Region::new(ALLOCATOR);
    for number in STREAMS..2 * STREAMS {
        streams.push(open(&site, number).await);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let each = held(&region) / STREAMS;
    assert!(each > 1024, "nothing is counted: {each} bytes a stream");
    assert!(each < MOST, "an open stream holds {each} bytes, more than {MOST}");
}
