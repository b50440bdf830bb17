//! Nothing that a guest has written is lost on its way to another host.
//!
//! The witness is a guest of a boot sector that goes round 96 pages of its memory, a few at each tick of its timer. In each it leaves
//! the number of the visit, and finds the number that it left the last time, which it knows by its registers: a page that has come
//! as it was before its last visit gives itself away. What it writes it writes through the same entries of the processor's
//! translation buffer, as it never changes its page tables (it has none).

#![expect(unsafe_code, reason = "the assembler puts the sector into this binary; its bytes are read from there")]

use crate::{
    bench::{QemuBench, without_qemu},
    qemu::arrives,
};
use compute::driver::*;
use drivers_virt::conformance::{Bench, Manners, eventually};
use ports::CellFit;
use std::{fs, path::Path, time::Duration};

core::arch::global_asm!(
    ".pushsection .rodata.tstack_witness, \"a\"",
    ".code16",
    ".global tstack_witness_start, tstack_witness_end",
    "tstack_witness_start:",
    "   cli",
    "   xor  ax, ax",
    "   mov  ds, ax",
    "   mov  ss, ax",
    "   mov  sp, 0x7c00",
    // As if each page had been visited once.
    "   xor  edi, edi",
    "   mov  bp, 0x2000",
    "1: mov  es, bp",
    "   mov  dword ptr es:[0], edi",
    "   call 9f",
    "   jnz  1b",
    // The firmware's own answer to the timer changes modes, which empties the translation buffer.
    "   call 1f",
    "   push ax",
    "   mov  al, 0x20",
    "   out  0x20, al",
    "   pop  ax",
    "   iret",
    "1: pop  word ptr ds:[0x20]",
    "   mov  word ptr ds:[0x22], 0",
    "   sti",
    "2: hlt", // until the next tick of the timer
    "   mov  cx, 8",
    "4: mov  es, bp",
    "   mov  eax, dword ptr es:[0]",
    "   add  eax, 96",
    "   cmp  eax, edi",
    "   je   5f",
    "   call 6f",
    "   .asciz \"damaged\\r\\n\"",
    "3: hlt",
    "   jmp  3b",
    "5: mov  dword ptr es:[0], edi",
    "   call 9f",
    "   jnz  3f",
    "   call 6f",
    "   .asciz \"whole\\r\\n\"",
    "3: dec  cx",
    "   jnz  4b",
    "   jmp  2b",
    // Prints the text after the call, goes on behind it.
    "6: pop  si",
    "7: lodsb",
    "   test al, al",
    "   jz   8f",
    "   mov  dx, 0x3f8",
    "   out  dx, al",
    "   jmp  7b",
    "8: jmp  si",
    // The next number and page; zero: it is the first page again.
    "9: inc  edi",
    "   add  bp, 0x100",
    "   cmp  bp, 0x8000",
    "   jne  8f",
    "   mov  bp, 0x2000",
    "   cmp  bp, 0x2000",
    "8: ret",
    "tstack_witness_end:",
    ".code64",
    ".popsection",
);

unsafe extern "C" {
    static tstack_witness_start: u8;
    static tstack_witness_end: u8;
}

fn write_disk(path: &Path) {
    // SAFETY: both labels bound one run of bytes in this binary's read-only data.
    let program = unsafe {
        let (start, end) = (&raw const tstack_witness_start, &raw const tstack_witness_end);
        std::slice::from_raw_parts(start, end.offset_from(start) as usize)
    };
    assert!(program.len() <= 510);
    let mut disk = vec![0; 1 << 20];
    disk[..program.len()].copy_from_slice(program);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(path, disk).unwrap();
}

const FENCE: Fence = Fence { generation: 1 };

/// How often it has been round since this driver has it.
async fn rounds(driver: &dyn Hypervisor, spec: &VmSpec) -> usize {
    let said = driver.console_log(&spec.server, Tail::All).await.unwrap();
    assert!(!said.contains("damaged"), "a page is as it was before: {said}");
    said.matches("whole").count()
}

/// So slowly that pages are written again after they were sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_on_the_way() {
    if without_qemu() {
        return;
    }
    let bench = QemuBench::new().await;
    let cell = CellFit { vcpus: [0].into(), shared: [0].into(), memory_mib: 32, ..CellFit::default() };
    let at_once = Some(Duration::ZERO);
    for (cells, post_copy_after) in [(vec![], at_once), (vec![], None), (vec![cell], None)] {
        let mut spec = VmSpec { memory_mib: 32, cells, ..bench.spec(Manners::Obeys).await };
        let DiskSource::File { path, .. } = &spec.disks[0].source else { unreachable!() };
        write_disk(path);
        spec.nics.clear();
        let (driver, other, server) = (bench.driver(), bench.other().await, &spec.server);
        driver.start(&spec, FENCE).await.unwrap();
        eventually("it goes round", async || rounds(&*driver, &spec).await > 1).await;
        let twin = bench.twin(&spec).await;
        let to = other.receive(&twin, &bench.name(), FENCE).await.unwrap();
        let travel = Travel { to, post_copy_after, bandwidth: Some(1 << 20) };
        let sent = driver.send(server, &travel, FENCE).await.unwrap();
        assert_eq!(sent, if post_copy_after.is_none() { Sent::All } else { Sent::Running });
        arrives(&*driver, &*other, server, &travel, sent).await;
        eventually("it has been everywhere again", async || rounds(&*other, &twin).await > 1).await;
        driver.destroy(server, FENCE).await.unwrap();
        other.destroy(server, FENCE).await.unwrap();
    }
}
