//! Where a database server listens: `unix:/path` or `tcp:address:port`, as OVS's own tools write it.

use std::{fmt, io, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

pub type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Endpoint {
    /// Reads a comma separated list.
    pub fn list(text: &str) -> kernel::Result<Vec<Self>> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Self::from_str).collect()
    }

    pub async fn dial(&self, limit: Duration) -> io::Result<(Reader, Writer)> {
        let connecting = async {
            match self {
                Self::Unix(path) => {
                    let (reader, writer) = UnixStream::connect(path).await?.into_split();
                    Ok((Box::new(reader) as Reader, Box::new(writer) as Writer))
                }
                Self::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    let (reader, writer) = stream.into_split();
                    Ok((Box::new(reader) as Reader, Box::new(writer) as Writer))
                }
            }
        };
        timeout(limit, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

impl FromStr for Endpoint {
    type Err = kernel::Error;

    fn from_str(text: &str) -> kernel::Result<Self> {
        let bad = || kernel::Error::bad_request(format!("{text:?} is neither unix:PATH nor tcp:ADDRESS:PORT"));
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("tcp", address)) => address.parse().map(Self::Tcp).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_printed_alike() {
        for text in ["unix:/run/x.sock", "tcp:10.0.0.1:6641", "tcp:[::1]:6641"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!(Endpoint::list("tcp:10.0.0.1:1, unix:/a,").unwrap().len(), 2);
        for bad in ["", "unix:relative", "tcp:host", "ssl:10.0.0.1:6641", "10.0.0.1:6641"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
