//! A guest's hand that stays on its disk.

use std::{process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use volume::driver::Target;

const PATIENCE: Duration = Duration::from_secs(60);
const PROMPT: &str = "qemu-io> ";

/// A guest's QEMU, as far as its disk goes: one client that lives on, and comes back when a server of NBD does.
pub struct Guest {
    _process: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// It was given a command before.
    asked: bool,
}

impl Guest {
    pub fn on(target: &Target) -> Self {
        let image = match target {
            Target::NbdUnix { socket, export } => format!(
                "driver=raw,file.driver=nbd,file.server.type=unix,file.server.path={},file.export={export},file.reconnect-delay=60",
                socket.display()
            ),
            Target::Rbd { pool, namespace, image, user, conf, .. } => {
                let namespace = namespace.as_ref().map_or(String::new(), |n| format!(",file.namespace={n}"));
                let conf = conf.display();
                format!(
                    "driver=raw,file.driver=rbd,file.pool={pool}{namespace},file.image={image},file.user={user},file.conf={conf}"
                )
            }
            other => panic!("{other:?}"),
        };
        // Of a request that fails only QEMU's own words may tell, which go to the other stream.
        let mut process = Command::new("sh")
            .args(["-c", "exec qemu-io \"$@\" 2>&1", "sh"])
            // Its default would flush after each write of its own accord.
            .args(["-t", "writeback", "--image-opts", &image])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { _process: process, stdin, stdout, asked: false }
    }

    /// Returns once the write is acknowledged. No flush: what comes back must already stay.
    pub async fn write(&mut self, offset: u64, length: u64, byte: u8) {
        let said = self.tries(&format!("write -P {byte} {offset} {length}")).await;
        assert!(said.contains(&format!("wrote {length}/{length} bytes at offset {offset}")), "{said}");
    }

    /// Returns once all that was written is where it is safe.
    pub async fn flush(&mut self) {
        let said = self.tries("flush").await;
        assert!(said.is_empty(), "{said}");
    }

    /// What comes of a command, in qemu-io's words.
    pub async fn tries(&mut self, command: &str) -> String {
        self.stdin.write_all(format!("{command}\n").as_bytes()).await.unwrap();
        // It asks for the first command, and for the next one when this one is done.
        let prompts = if std::mem::replace(&mut self.asked, true) { 1 } else { 2 };
        let mut said = String::new();
        let answer = async {
            while said.matches(PROMPT).count() < prompts {
                let mut piece = [0; 4096];
                let read = self.stdout.read(&mut piece).await.unwrap();
                assert!(read > 0, "the client lives");
                said.push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        };
        timeout(PATIENCE, answer).await.unwrap_or_else(|_| panic!("no end of {command}"));
        said.replace(PROMPT, "")
    }
}
