//! A guest of 512 bytes: a boot sector that does what the suite asks of a well-mannered guest, and starts in the blink of an
//! eye also in software. It
//! - counts its boots in the disk's second sector (so the disk is read and written through the BIOS),
//! - says on the serial console that it is up,
//! - powers the machine off when the ACPI power button is pressed,
//! - lets go every PCI device it is asked for, on the root bus and behind the bridge.
//!
//! Registers: power management at 0x600, where SeaBIOS puts it on both machines (PM1 status, enable at +2, control at +4); ACPI
//! PCI hot plug of `pc` at 0xae00 (docs/specs/acpi_pci_hotplug.rst: down +4, eject +8, bus select +0x10).

#![expect(unsafe_code, reason = "the assembler puts the sector into this binary; its bytes are read from there")]

use std::{fs, path::Path};

core::arch::global_asm!(
    ".pushsection .rodata.tstack_guest, \"a\"",
    ".code16",
    ".global tstack_guest_start, tstack_guest_end",
    "tstack_guest_start:",
    "   cli",
    "   xor  ax, ax",
    "   mov  ds, ax",
    "   mov  es, ax",
    "   mov  ss, ax",
    "   mov  sp, 0x7c00",
    "   sti",
    "   push dx", // dl: the disk we came from
    "   mov  ax, 0x0201",
    "   call 3f",
    "   inc  byte ptr ds:[0x8000]",
    "   pop  dx",
    "   mov  ax, 0x0301",
    "   call 3f",
    "   call 2f",
    "   .asciz \"\\r\\nguest is up, boot \"",
    "   mov  al, byte ptr ds:[0x8000]",
    "   add  al, 0x30",
    "   call 4f",
    "   call 2f",
    "   .asciz \"\\r\\n\"",
    "   mov  dx, 0x602",
    "   mov  ax, 0x100",
    "   out  dx, ax", // enable the power button
    "5: hlt",         // until the next tick of the timer
    "   mov  dx, 0x600",
    "   in   ax, dx",
    "   test ah, 1",
    "   jz   6f",
    "   call 2f",
    "   .asciz \"going down\\r\\n\"",
    "   mov  dx, 0x604",
    "   mov  ax, 0x2000",
    "   out  dx, ax", // S5
    "6: mov  dx, 0xae10",
    "   xor  bp, 1", // the root bus and the bridge by turns
    "   movzx eax, bp",
    "   out  dx, eax",
    "   mov  dx, 0xae04",
    "   in   eax, dx",
    "   test eax, eax",
    "   jz   5b",
    "   mov  dx, 0xae08",
    "   out  dx, eax",
    "   jmp  5b",
    // Prints the text after the call, goes on behind it.
    "2: pop  si",
    "7: lodsb",
    "   test al, al",
    "   jz   8f",
    "   call 4f",
    "   jmp  7b",
    "8: jmp  si",
    // Writes al to the serial port.
    "4: mov  dx, 0x3f8",
    "   out  dx, al",
    "   ret",
    // Reads or writes (ax) the second sector of disk dl at 0x8000.
    "3: mov  bx, 0x8000",
    "   mov  cx, 2",
    "   xor  dh, dh",
    "   int  0x13",
    "   ret",
    "tstack_guest_end:",
    ".code64",
    ".popsection",
);

unsafe extern "C" {
    static tstack_guest_start: u8;
    static tstack_guest_end: u8;
}

fn program() -> &'static [u8] {
    // SAFETY: both labels bound one run of bytes in this binary's read-only data.
    unsafe {
        let (start, end) = (&raw const tstack_guest_start, &raw const tstack_guest_end);
        std::slice::from_raw_parts(start, end.offset_from(start) as usize)
    }
}

/// Writes a raw disk of 1 MiB that boots the guest.
pub fn write_disk(path: &Path) {
    let mut disk = vec![0; 1 << 20];
    let program = program();
    assert!(program.len() <= 510);
    disk[..program.len()].copy_from_slice(program);
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    fs::write(path, disk).unwrap();
}
