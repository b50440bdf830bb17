//! A small client of NBD on Unix sockets, so that a test sees each byte and each acknowledgement itself. The protocol is
//! github.com/NetworkBlockDevice/nbd, doc/proto.md: fixed newstyle, `NBD_OPT_GO`, simple replies. Everything is big-endian.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

const OPTION: u64 = 0x4948_4156_454F_5054;
const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
const GO: u32 = 7;
const ACK: u32 = 1;
const INFO: u32 = 3;
const REQUEST: u32 = 0x2560_9513;
const REPLY: u32 = 0x6744_6698;

pub struct Nbd {
    stream: UnixStream,
    pub size: u64,
    next: u64,
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn number<const N: usize>(stream: &mut UnixStream) -> io::Result<u64> {
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes[8 - N..])?;
    Ok(u64::from_be_bytes(bytes))
}

impl Nbd {
    /// `patience`: a server that is silent for longer is an error.
    pub fn connect(socket: &Path, export: &str, patience: Duration) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        if number::<8>(&mut stream)? != u64::from_be_bytes(*b"NBDMAGIC") || number::<8>(&mut stream)? != OPTION {
            return Err(bad("no server of NBD"));
        }
        number::<2>(&mut stream)?;
        // Fixed newstyle, no zeroes.
        stream.write_all(&3u32.to_be_bytes())?;
        let name = u32::try_from(export.len()).map_err(|_| bad("a long name"))?;
        let mut go = Vec::new();
        go.extend(OPTION.to_be_bytes());
        go.extend(GO.to_be_bytes());
        go.extend((name + 6).to_be_bytes());
        go.extend(name.to_be_bytes());
        go.extend(export.as_bytes());
        go.extend(0u16.to_be_bytes());
        stream.write_all(&go)?;
        let mut size = None;
        loop {
            if number::<8>(&mut stream)? != OPTION_REPLY {
                return Err(bad("no reply"));
            }
            number::<4>(&mut stream)?;
            let (kind, length) = (number::<4>(&mut stream)?, number::<4>(&mut stream)?);
            let mut body = vec![0; usize::try_from(length).map_err(|_| bad("a long reply"))?];
            stream.read_exact(&mut body)?;
            match u32::try_from(kind).unwrap_or(u32::MAX) {
                ACK => break,
                INFO if body.starts_with(&[0, 0]) && body.len() >= 10 => {
                    size = body[2..10].try_into().ok().map(u64::from_be_bytes);
                }
                INFO => {}
                other => return Err(io::Error::other(format!("the export is refused: {other:#x}"))),
            }
        }
        Ok(Self { stream, size: size.ok_or_else(|| bad("no size"))?, next: 0 })
    }

    fn ask(&mut self, command: u16, offset: u64, length: u32, data: &[u8]) -> io::Result<u64> {
        self.next += 1;
        let mut request = Vec::with_capacity(28 + data.len());
        request.extend(REQUEST.to_be_bytes());
        request.extend(0u16.to_be_bytes());
        request.extend(command.to_be_bytes());
        request.extend(self.next.to_be_bytes());
        request.extend(offset.to_be_bytes());
        request.extend(length.to_be_bytes());
        request.extend(data);
        self.stream.write_all(&request)?;
        Ok(self.next)
    }

    fn answered(&mut self, cookie: u64) -> io::Result<()> {
        if number::<4>(&mut self.stream)? != u64::from(REPLY) {
            return Err(bad("no reply"));
        }
        let error = number::<4>(&mut self.stream)?;
        if number::<8>(&mut self.stream)? != cookie {
            return Err(bad("a reply to something else"));
        }
        if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(i32::try_from(error).unwrap_or(5))) }
    }

    pub fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let length = u32::try_from(data.len()).map_err(|_| bad("too much at once"))?;
        let cookie = self.ask(1, offset, length, data)?;
        self.answered(cookie)
    }

    pub fn read(&mut self, offset: u64, data: &mut [u8]) -> io::Result<()> {
        let length = u32::try_from(data.len()).map_err(|_| bad("too much at once"))?;
        let cookie = self.ask(0, offset, length, &[])?;
        self.answered(cookie)?;
        self.stream.read_exact(data)
    }

    /// What was acknowledged stays.
    pub fn flush(&mut self) -> io::Result<()> {
        let cookie = self.ask(3, 0, 0, &[])?;
        self.answered(cookie)
    }
}
