//! Numbers that only grow.

use serde::{Deserialize, Serialize};

/// What passed a port, as its guest sees it: received and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCounters {
    pub rx_bytes: u64,
    pub rx_packets: u64,
    /// Meant for the guest, and not taken by its device in time.
    pub rx_dropped: u64,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    /// Sent by the guest, and not taken from its device in time.
    pub tx_dropped: u64,
}

impl PortCounters {
    fn both(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            rx_bytes: f(self.rx_bytes, other.rx_bytes),
            rx_packets: f(self.rx_packets, other.rx_packets),
            rx_dropped: f(self.rx_dropped, other.rx_dropped),
            tx_bytes: f(self.tx_bytes, other.tx_bytes),
            tx_packets: f(self.tx_packets, other.tx_packets),
            tx_dropped: f(self.tx_dropped, other.tx_dropped),
        }
    }

    pub fn plus(self, other: Self) -> Self {
        self.both(other, u64::saturating_add)
    }

    /// The later of two readings of the same counters.
    pub fn latest(self, other: Self) -> Self {
        self.both(other, u64::max)
    }

    /// What was counted since `earlier`; of counters that began anew, all.
    pub fn since(self, earlier: Self) -> Self {
        if self.latest(earlier) == self { self.both(earlier, |now, then| now - then) } else { self }
    }
}

impl std::iter::Sum for PortCounters {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(rx_bytes: u64, tx_bytes: u64) -> PortCounters {
        PortCounters { rx_bytes, tx_bytes, ..PortCounters::default() }
    }

    #[test]
    fn what_was_counted_since() {
        let check = |now, then, expect| assert_eq!(PortCounters::since(now, then), expect);
        check(bytes(5, 7), bytes(2, 7), bytes(3, 0));
        check(bytes(5, 7), bytes(0, 0), bytes(5, 7));
        check(bytes(1, 9), bytes(2, 3), bytes(1, 9)); // one of them went back: the device is another
        assert_eq!([bytes(1, 2), bytes(3, 4)].into_iter().sum::<PortCounters>(), bytes(4, 6));
        assert_eq!(bytes(1, 9).latest(bytes(2, 3)), bytes(2, 9));
    }
}
