//! Packets in numbers: who sends how much, and what of it arrives.

use drivers_net::netns::Netns;
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What one datagram carries, and what it weighs as a frame.
const PAYLOAD: usize = 1200;
const FRAME: u64 = 1200 + 8 + 20 + 14;

/// Counts what arrives at a port, by UDP in frames, by TCP in bytes.
pub struct Meter {
    frames: Arc<AtomicU64>,
    stream: Arc<AtomicU64>,
}

impl Meter {
    pub async fn at(netns: &Netns, port: u16) -> Self {
        let meter = Self { frames: Arc::default(), stream: Arc::default() };
        let socket = netns.run(move || UdpSocket::bind(("0.0.0.0", port))).await.unwrap().unwrap();
        let frames = meter.frames.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while socket.recv(&mut buffer).is_ok() {
                frames.fetch_add(1, Ordering::Relaxed);
            }
        });
        let listener = netns.run(move || TcpListener::bind(("0.0.0.0", port))).await.unwrap().unwrap();
        let stream = meter.stream.clone();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let stream = stream.clone();
                std::thread::spawn(move || {
                    let mut buffer = [0; 65536];
                    while let Ok(n @ 1..) = connection.read(&mut buffer) {
                        stream.fetch_add(n as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        meter
    }

    /// kbit/s on the wire, over some seconds after the first burst is spent.
    pub async fn udp(&self) -> f64 {
        rate(&self.frames).await * FRAME as f64 * 8.0 / 1000.0
    }

    /// kbit/s of what an application has of it.
    pub async fn tcp(&self) -> f64 {
        rate(&self.stream).await * 8.0 / 1000.0
    }
}

/// Per second, between two moments of which both are known exactly.
async fn rate(counter: &AtomicU64) -> f64 {
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (started, before) = (Instant::now(), counter.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(5)).await;
    (counter.load(Ordering::Relaxed) - before) as f64 / started.elapsed().as_secs_f64()
}

/// Sends until it is dropped.
pub struct Sender(Arc<AtomicBool>);

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Offers datagrams at a rate in kbit/s.
pub async fn flood(netns: &Netns, to: &str, port: u16, kbps: u64) -> Sender {
    let to = SocketAddr::new(to.parse::<IpAddr>().unwrap(), port);
    let socket = netns.run(|| UdpSocket::bind(("0.0.0.0", 0))).await.unwrap().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    std::thread::spawn(move || {
        let (started, mut sent) = (Instant::now(), 0);
        while !stopped.load(Ordering::Relaxed) {
            let due = u64::try_from(started.elapsed().as_millis()).unwrap() * kbps / 8 / FRAME;
            while sent < due {
                let _ = socket.send_to(&[7; PAYLOAD], to);
                sent += 1;
            }
            std::thread::sleep(Duration::from_millis(4));
        }
    });
    Sender(stop)
}

/// Sends by TCP as fast as it goes.
pub async fn pour(netns: &Netns, to: &str, port: u16) -> Sender {
    let to = SocketAddr::new(to.parse::<IpAddr>().unwrap(), port);
    let mut stream =
        netns.run(move || TcpStream::connect_timeout(&to, Duration::from_secs(20))).await.unwrap().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    std::thread::spawn(move || while !stopped.load(Ordering::Relaxed) && stream.write_all(&[7; 16384]).is_ok() {});
    Sender(stop)
}
