//! Images as files of this host, named by what is in them.
//!
//! ```text
//!   <dir>/incoming/<random>        a write in flight, locked by the process that writes it
//!            │ synced, renamed, directory synced; or dropped for a hard link to equal bytes
//!            ▼
//!   <dir>/blobs/<2 hex>/<SHA-512>.<8 hex>  the bytes; the ending tells one write from another
//! ```
//!
//! Invariants
//! - What lies under `blobs` is whole and on the disk; a crash leaves at most a file under `incoming`, which the next
//!   [`FileStore::open`] removes (unless another process still holds its lock: then it is no leftover).
//! - A write that fails, is refused or is dropped removes its file.
//! - Equal bytes lie on the disk once (two uploads at the same moment excepted), and go with the last of their names.
//! - Disk writes and SHA-512 happen on one blocking thread per upload, MD5 (which takes as long as both) on another, behind short
//!   queues: a slow disk slows its own client, never the workers that serve the others.

use crate::{
    checksum::hex,
    disk::{self, OnDisk},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use image::driver::{ByteStream, ImageStore, Written};
use kernel::{Error, Result, error::Doing};
use md5::{Digest, Md5};
use sha2::Sha512;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    sync::mpsc,
    task::spawn_blocking,
};
use tokio_util::io::ReaderStream;

/// Pieces of an upload that wait for the disk.
const QUEUE: usize = 8;
/// Read from a blob at a time.
const CHUNK: usize = 256 * 1024;

/// A store in a directory.
#[derive(Clone, Debug)]
pub struct FileStore {
    inner: Arc<Inner>,
    weight: i64,
}

#[derive(Debug)]
struct Inner {
    id: String,
    dir: PathBuf,
}

/// What the stream's side tells the disk's side. A queue that closes without `End` was given up.
enum Piece {
    Data(Bytes),
    End,
}

impl FileStore {
    /// Opens (or makes) the store `id` in `dir` and removes what crashed writes left.
    pub fn open(id: impl Into<String>, dir: impl Into<PathBuf>) -> Result<Self> {
        let inner = Inner { id: id.into(), dir: dir.into() };
        let doing = format!("opening the image store {}", inner.dir.display());
        disk::private_dir(&inner.incoming()).on_disk(&doing)?;
        disk::private_dir(&inner.dir.join("blobs")).on_disk(&doing)?;
        for entry in fs::read_dir(inner.incoming()).doing(&doing)? {
            let path = entry.doing(&doing)?.path();
            if File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                fs::remove_file(&path).doing(&doing)?;
            }
        }
        Ok(Self { inner: Arc::new(inner), weight: 0 })
    }

    /// The same store, named and read from before those of less weight.
    #[must_use]
    pub fn weighing(self, weight: i64) -> Self {
        Self { weight, ..self }
    }

    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }
}

impl Inner {
    fn incoming(&self) -> PathBuf {
        self.dir.join("incoming")
    }

    /// Where a blob lies; `None` for a name that no blob can have.
    fn blob(&self, name: &str) -> Option<PathBuf> {
        let (hash, write) = name.split_once('.')?;
        let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let valid = hash.len() == 128 && write.len() == 8 && hex(hash) && hex(write);
        valid.then(|| self.dir.join("blobs").join(&name[..2]).join(name))
    }

    fn no_blob(&self, name: &str) -> Error {
        Error::not_found(format!("the image store {} has no data {name}", self.id))
    }

    /// The disk's side of a write. Blocks.
    fn take_in(&self, mut pieces: mpsc::Receiver<Piece>, limit: u64) -> Result<Written> {
        let doing = format!("writing to the image store {}", self.id);
        let mut incoming = Incoming::create(&self.incoming()).on_disk(&doing)?;
        let (size, md5, sha512) = thread::scope(|scope| {
            let (summed, sums) = sync_channel::<Bytes>(QUEUE);
            let md5 = scope.spawn(|| sums.into_iter().fold(Md5::new(), Md5::chain_update).finalize());
            let (size, sha512) = receive(&mut pieces, limit, &incoming.file, summed, &doing)?;
            let md5 = md5.join().map_err(|_| Error::internal("summing up an image: its thread died"))?;
            Ok::<_, Error>((size, hex(&md5), sha512))
        })?;
        let blob = format!("{sha512}.{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let path = self.blob(&blob).ok_or_else(|| Error::internal("naming a blob"))?;
        incoming.become_blob(&path, &sha512).on_disk(&doing)?;
        Ok(Written { size, md5, sha512, blob })
    }
}

/// Writes what comes, hashes it, and hands it on to be `summed`. Size and SHA-512 of the whole.
fn receive(
    pieces: &mut mpsc::Receiver<Piece>,
    limit: u64,
    mut file: &File,
    summed: SyncSender<Bytes>,
    doing: &str,
) -> Result<(u64, String)> {
    let (mut size, mut sha512) = (0u64, Sha512::new());
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Data(data)) => {
                size += data.len() as u64;
                if size > limit {
                    return Err(Error::too_large(format!("the image is larger than {limit} bytes")));
                }
                // Nobody takes it only if that thread has died, which is seen when it is asked for its sum.
                let _ = summed.send(data.clone());
                sha512.update(&data);
                file.write_all(&data).on_disk(doing)?;
            }
            Some(Piece::End) => return Ok((size, hex(&sha512.finalize()))),
            None => return Err(Error::bad_request("the upload was given up")),
        }
    }
}

/// A write in flight; removes its file unless that became a blob.
struct Incoming {
    path: PathBuf,
    file: File,
}

impl Incoming {
    fn create(dir: &Path) -> io::Result<Self> {
        let path = dir.join(uuid::Uuid::new_v4().simple().to_string());
        let file = File::create_new(&path)?;
        let incoming = Self { path, file };
        incoming.file.lock()?;
        Ok(incoming)
    }

    fn become_blob(&mut self, path: &Path, sha512: &str) -> io::Result<()> {
        let shelf = path.parent().unwrap_or(Path::new("/"));
        if !shelf.is_dir() {
            fs::create_dir_all(shelf)?;
            sync_dir(shelf.parent().unwrap_or(shelf))?;
        }
        if !share(shelf, sha512, path)? {
            self.file.sync_all()?;
            fs::rename(&self.path, path)?;
        }
        sync_dir(shelf)
    }
}

/// Makes `path` another name of bytes that lie on the shelf already, if there are any. One that is removed at this moment, or has
/// as many names as a file may have, is passed over.
fn share(shelf: &Path, sha512: &str, path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(shelf)? {
        let equal = entry?;
        if equal.file_name().as_encoded_bytes().starts_with(sha512.as_bytes())
            && fs::hard_link(equal.path(), path).is_ok()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Gone already when it became a blob by itself.
        let _ = fs::remove_file(&self.path);
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[async_trait]
impl ImageStore for FileStore {
    fn id(&self) -> &str {
        &self.inner.id
    }

    fn weight(&self) -> i64 {
        self.weight
    }

    fn kind(&self) -> &'static str {
        "file"
    }

    fn properties(&self) -> BTreeMap<String, String> {
        [("data_dir".to_owned(), self.inner.dir.display().to_string())].into()
    }

    async fn write(&self, mut data: ByteStream, limit: u64) -> Result<Written> {
        let (pieces, queue) = mpsc::channel(QUEUE);
        let inner = Arc::clone(&self.inner);
        let disk = spawn_blocking(move || inner.take_in(queue, limit));
        let mut broken = None;
        loop {
            let piece = match data.next().await {
                Some(Ok(data)) => Piece::Data(data),
                None => Piece::End,
                Some(Err(e)) => {
                    broken = Some(e);
                    break;
                }
            };
            let last = matches!(piece, Piece::End);
            // The disk's side hangs up when it has failed; its error says why.
            if pieces.send(piece).await.is_err() || last {
                break;
            }
        }
        drop(pieces);
        let written = disk.await.doing("writing an image")?;
        match broken {
            Some(e) => Err(Error::bad_request("the image's data ended early").with_source(e)),
            None => written,
        }
    }

    async fn read(&self, blob: &str, offset: u64, length: Option<u64>) -> Result<ByteStream> {
        let path = self.inner.blob(blob).ok_or_else(|| self.inner.no_blob(blob))?;
        let mut file = match tokio::fs::File::open(&path).await {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(self.inner.no_blob(blob)),
            Err(e) => return Err(Error::internal("opening an image's data").with_source(e)),
        };
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).await.doing("reading from the middle of an image")?;
        }
        file.set_max_buf_size(CHUNK);
        let range = file.take(length.unwrap_or(u64::MAX));
        Ok(ReaderStream::with_capacity(range, CHUNK).boxed())
    }

    async fn size(&self, blob: &str) -> Result<u64> {
        let path = self.inner.blob(blob).ok_or_else(|| self.inner.no_blob(blob))?;
        match tokio::fs::metadata(&path).await {
            Ok(meta) => Ok(meta.len()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(self.inner.no_blob(blob)),
            Err(e) => Err(Error::internal("looking at an image's data").with_source(e)),
        }
    }

    fn path(&self, blob: &str) -> Option<PathBuf> {
        self.inner.blob(blob).filter(|path| path.is_file())
    }

    async fn remove(&self, blob: &str) -> Result<()> {
        let Some(path) = self.inner.blob(blob) else { return Ok(()) };
        let remove = move || match fs::remove_file(&path) {
            Ok(()) => sync_dir(path.parent().unwrap_or(Path::new("/"))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        };
        spawn_blocking(remove).await.doing("removing an image's data")?.doing("removing an image's data")
    }

    async fn list(&self) -> Result<Vec<String>> {
        let inner = Arc::clone(&self.inner);
        let list = move || -> io::Result<Vec<String>> {
            let mut blobs = Vec::new();
            for shelf in fs::read_dir(inner.dir.join("blobs"))? {
                for entry in fs::read_dir(shelf?.path())? {
                    blobs.extend(entry?.file_name().into_string().ok().filter(|name| inner.blob(name).is_some()));
                }
            }
            blobs.sort();
            Ok(blobs)
        };
        spawn_blocking(list).await.doing("listing an image store")?.doing("listing an image store")
    }

    async fn free(&self) -> Result<u64> {
        disk::space(&self.inner.dir).map(|space| space.free)
    }
}
