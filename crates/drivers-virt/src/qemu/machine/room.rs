//! Room to grow: what a guest begins with so that it can be given more vCPUs and memory while it runs, and memory be taken back.
//!
//! vCPUs that are not there yet have their places in sockets, empty ones or half empty, filled by `device_add`. Memory above what the guest
//! boots with is *lent*: by a virtio-mem device, whose driver in the guest takes and gives back what the host asks for. A guest without
//! such a driver keeps what it boots with, and the host sees that.

use super::address::{self, Fixed};
use compute::driver::{Room, VmSpec};
use kernel::{Error, Result};
use serde_json::{Value, json};

/// The device's id, and its memory's.
pub const LENT: &str = "lent-memory";
const BACKEND: &str = "lent";
/// Linux takes memory in blocks of so much, from the first whole one on.
const BLOCK_MIB: u64 = 128;
const MOST_QUEUES: u32 = 64;

/// The device that lends, and what it lends.
pub struct LentMemory {
    pub backend: Value,
    pub device: Value,
}

/// Refuses room that is none.
pub fn check(spec: &VmSpec) -> Result<()> {
    let Some(room) = spec.room else { return Ok(()) };
    let holds = room.holds(spec.vcpus, spec.memory_mib);
    if holds && room.base_mib > 0 && room.most_vcpus <= 255 && spec.cells.is_empty() {
        return Ok(());
    }
    let (vcpus, memory) = (spec.vcpus, spec.memory_mib);
    Err(Error::bad_request(format!("a guest with {vcpus} vCPUs and {memory} MiB has no place in its room: {room:?}")))
}

/// The value of `-m`, with so many KiB more than whole MiB.
pub fn size(spec: &VmSpec, rest_kib: u64) -> String {
    let kib = |mib: u64| (mib << 10) + rest_kib;
    match spec.room.filter(lends) {
        Some(room) => format!("size={}K,maxmem={}K", kib(room.base_mib), kib(room.base_mib + region(&room))),
        None => format!("size={}K", kib(spec.memory_mib)),
    }
}

/// The device by which memory is lent, if some may be.
pub fn memory(spec: &VmSpec) -> Option<LentMemory> {
    let room = spec.room.filter(lends)?;
    let backend =
        json!({"qom-type": "memory-backend-ram", "id": BACKEND, "size": region(&room) << 20, "reserve": false});
    let mut device = json!({"driver": "virtio-mem-pci", "id": LENT, "memdev": BACKEND, "block-size": Room::UNIT_MIB << 20,
                            "requested-size": lent_bytes(spec, &room)});
    address::fixed(spec.machine, Fixed::LentMemory).put(&mut device);
    Some(LentMemory { backend, device })
}

/// Queues of a disk: one for each vCPU that the guest is made with. QEMU would count those of the start, and a guest that was given more
/// would be other hardware on the host that it goes to.
pub fn queues(spec: &VmSpec) -> u32 {
    spec.room.map_or(spec.vcpus, |room| room.base_vcpus).clamp(1, MOST_QUEUES)
}

/// What the guest is to take of what is lent.
pub fn lent_bytes(spec: &VmSpec, room: &Room) -> u64 {
    spec.memory_mib.saturating_sub(room.base_mib) << 20
}

fn lends(room: &Room) -> bool {
    room.most_memory_mib > room.base_mib
}

/// MiB of address space for what may be lent.
fn region(room: &Room) -> u64 {
    (room.most_memory_mib - room.base_mib).next_multiple_of(BLOCK_MIB)
}
