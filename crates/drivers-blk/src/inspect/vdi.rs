//! VirtualBox's VDI. Little-endian.
//!
//! ```text
//!   64 0xbeda107f  68 version  72 header size  76 type (1 dynamic, 2 static)  340 block table at  344 data at
//!   368 size  376 block size  384 blocks  388 blocks in use  392 id  408 last snapshot  424 link  440 parent   (ids: 16 bytes)
//! ```

use super::{File, Found};

pub(super) fn look(file: &File<'_>) -> Option<Found> {
    let head = file.head();
    if head.le32(64) != Some(0xbeda_107f) {
        return None;
    }
    let mut found = Found::new("vdi");
    Some(if check(file, &mut found).is_some() { found } else { found.cut_short() })
}

fn check(file: &File<'_>, found: &mut Found) -> Option<()> {
    let head = file.head();
    found.refuse_if(head.le32(68)? != 0x0001_0001, "unsupported vdi version");
    match head.le32(76)? {
        1 => found.detail("type", "dynamic"),
        2 => found.detail("type", "static"),
        _ => found.refuse("it has a parent file"),
    }
    found.virtual_size = head.le64(368)?;
    let (table, data) = (head.le32(340)?, head.le32(344)?);
    let (block, blocks) = (head.le32(376)?, head.le32(384)?);
    let holds_all = u64::from(blocks).saturating_mul(block.into()) >= found.virtual_size;
    found.refuse_if(block != 1 << 20 || !holds_all, "damaged: the block table does not fit the disk's size");
    let inside = file.holds(table.into(), u64::from(blocks) * 4) && u64::from(data) <= file.size;
    found.refuse_if(!inside, "damaged: the block table lies beyond the file's end");
    let stands_alone = head.zero(424, 16)? && head.zero(440, 16)?;
    found.refuse_if(!stands_alone, "it has a parent file");
    Some(())
}
