//! A relay in front of the broker that rewrites what passes.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Rewrites bytes in place; their number stays the same. The broker and its clients write each message at once.
pub(crate) type Rewrite = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Starts a relay and returns its address.
pub(crate) async fn relay(broker: u16, to_broker: Rewrite, to_client: Rewrite) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
            let ((from_client, back), (from_server, forth)) = (client.into_split(), server.into_split());
            tokio::spawn(carry(from_client, forth, to_broker.clone()));
            tokio::spawn(carry(from_server, back, to_client.clone()));
        }
    });
    url
}

/// Leaves everything as it is.
pub(crate) fn unchanged() -> Rewrite {
    Arc::new(|_| {})
}

/// Where `part` begins in `bytes`, each time.
pub(crate) fn positions(bytes: &[u8], part: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(part.len()).enumerate();
    windows.filter(|(_, window)| *window == part).map(|(at, _)| at).collect()
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, rewrite: Rewrite) {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        rewrite(&mut buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
