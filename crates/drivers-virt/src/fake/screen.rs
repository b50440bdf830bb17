//! The screens of guests on paper: one black pixel, shown by RFB 3.8 (RFC 6143) to whoever connects. A client finds all that it
//! negotiates; what it types goes nowhere.

use kernel::{Result, error::Doing};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::AbortHandle,
};

const VERSION: &[u8; 12] = b"RFB 003.008\n";
/// The only kind of security: none.
const OPEN: u8 = 1;
const NAME: &[u8] = b"fake";

/// A socket that ends with its host.
pub(super) struct Screen {
    pub(super) socket: PathBuf,
    task: AbortHandle,
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Screen {
    /// Listens in `directory`; within a runtime.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        const DOING: &str = "opening the fake guests' screen";
        let socket = directory.join("screen");
        match std::fs::remove_file(&socket) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e).doing(DOING),
            _ => {}
        }
        let listener = UnixListener::bind(&socket).doing(DOING)?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that breaks off has seen enough.
                tokio::spawn(async move { drop(show(stream).await) });
            }
        });
        Ok(Self { socket, task: serving.abort_handle() })
    }
}

/// The handshake, and then silence until the client goes.
async fn show(mut stream: UnixStream) -> io::Result<()> {
    stream.write_all(VERSION).await?;
    let mut version = [0; 12];
    stream.read_exact(&mut version).await?;
    stream.write_all(&[1, OPEN]).await?;
    stream.read_exact(&mut [0]).await?;
    stream.write_all(&[0; 4]).await?;
    stream.read_exact(&mut [0]).await?;
    stream.write_all(&server_init()).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// RFC 6143, 7.3.2: size, pixel format, name.
fn server_init() -> Vec<u8> {
    let mut message = vec![0, 1, 0, 1];
    // 32 bits a pixel, of which 24 are colour, little-endian, true colour, 255 of each, and where each begins; padding.
    message.extend([32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]);
    message.extend(u32::try_from(NAME.len()).unwrap_or(0).to_be_bytes());
    message.extend(NAME);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_finds_what_it_negotiates() {
        let dir = tempfile::tempdir().unwrap();
        let screen = Screen::open(dir.path()).unwrap();
        for _ in 0..2 {
            let mut client = UnixStream::connect(&screen.socket).await.unwrap();
            let mut version = [0; 12];
            client.read_exact(&mut version).await.unwrap();
            assert_eq!(&version, VERSION);
            client.write_all(&version).await.unwrap();
            let mut kinds = [0; 2];
            client.read_exact(&mut kinds).await.unwrap();
            assert_eq!(kinds, [1, OPEN]);
            client.write_all(&[OPEN, 1]).await.unwrap();
            let mut rest = [0; 4 + 24 + 4];
            client.read_exact(&mut rest).await.unwrap();
            assert_eq!((&rest[..4], &rest[24..28], &rest[28..]), (&[0; 4][..], &[0, 0, 0, 4][..], NAME));
        }
        // The next process takes over the place of one that was killed.
        drop(Screen::open(dir.path()).unwrap());
    }
}
