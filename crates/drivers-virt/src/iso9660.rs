//! A config drive's ISO 9660 image, made in memory: no other program, the same bytes each time.
//!
//! Two directory trees share the file data: the primary one (names as ISO 9660 allows them, cut and numbered where they
//! must be) and a Joliet one with the real names in UCS-2, which Linux, Windows and the BSDs prefer. The volume is labelled
//! in both (`blkid` and cloud-init look for `config-2`).
//!
//! ```text
//!   sector 0-15  16       17      18    19…18+2d      …               …
//!   (system)     primary  Joliet  end   path tables   directories     files
//! ```
//!
//! Sources: ECMA-119 (ISO 9660) §8-9, the Joliet specification §"Escape sequences" and §"Directory identifiers".

use kernel::{Error, Result};
use std::collections::BTreeMap;

const SECTOR: usize = 2048;
/// What a config drive may hold; Nova's are some KiB.
const LARGEST: usize = 64 << 20;
const DIRECTORY: u8 = 2;
/// Empty sectors at the end, as mkisofs adds them: Linux reads ahead, and busybox's `findfs` gives up on a device of less than
/// 68 KiB because it cannot read where other file systems would be.
const PADDING: usize = 150;

/// Makes the image. Paths are relative, `/` separates; directories appear by themselves.
pub fn image(label: &str, files: &[(String, String)]) -> Result<Vec<u8>> {
    let mut root = Directory::default();
    for (path, content) in files {
        root.add(path, content.as_bytes())?;
    }
    let total: usize = files.iter().map(|(_, c)| c.len()).sum();
    if total > LARGEST {
        return Err(Error::bad_request(format!("the config drive would hold {total} bytes, more than {LARGEST}")));
    }
    let mut trees = [Tree::of(&root, Names::Primary), Tree::of(&root, Names::Joliet)];
    let mut next = 19;
    for tree in &mut trees {
        // Two copies of each path table: little and big endian.
        tree.path_table_at = next;
        next += 2 * sectors(tree.path_table(Endian::Little).len());
    }
    for tree in &mut trees {
        for i in 0..tree.directories.len() {
            tree.directories[i].at = next;
            next += sectors(tree.records(i).len());
        }
    }
    let mut data_at = BTreeMap::new();
    for (path, content) in trees[0].files() {
        data_at.insert(path, next);
        next += sectors(content.len());
    }
    next += PADDING;
    let mut out = vec![0; next * SECTOR];
    for (i, tree) in trees.iter_mut().enumerate() {
        tree.place(&data_at);
        put(&mut out, 16 + i, &tree.descriptor(label, next));
        let (little, big) = (tree.path_table(Endian::Little), tree.path_table(Endian::Big));
        put(&mut out, tree.path_table_at, &little);
        put(&mut out, tree.path_table_at + sectors(little.len()), &big);
        for d in 0..tree.directories.len() {
            put(&mut out, tree.directories[d].at, &tree.records(d));
        }
    }
    put(&mut out, 18, b"\xffCD001\x01");
    for (path, content) in trees[0].files() {
        put(&mut out, data_at[&path], content);
    }
    Ok(out)
}

fn sectors(bytes: usize) -> usize {
    bytes.div_ceil(SECTOR)
}

fn put(out: &mut [u8], sector: usize, bytes: &[u8]) {
    out[sector * SECTOR..sector * SECTOR + bytes.len()].copy_from_slice(bytes);
}

#[derive(Default)]
struct Directory<'a> {
    directories: BTreeMap<String, Directory<'a>>,
    files: BTreeMap<String, &'a [u8]>,
}

impl<'a> Directory<'a> {
    fn add(&mut self, path: &str, content: &'a [u8]) -> Result<()> {
        let bad = |why: &str| Error::bad_request(format!("the config drive's file name {path:?} {why}"));
        let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
        // 64 UCS-2 units is Joliet's limit, and it forbids these characters.
        if first.is_empty() || first == "." || first == ".." || first.encode_utf16().count() > 64 {
            return Err(bad("is empty, relative or too long"));
        }
        if first.contains(|c: char| c.is_control() || "*:;?\\".contains(c)) {
            return Err(bad("has a character that cannot be written"));
        }
        match rest {
            Some(rest) if self.files.contains_key(first) => Err(bad(&format!("is below the file {first}; {rest}"))),
            Some(rest) => self.directories.entry(first.into()).or_default().add(rest, content),
            None if self.directories.contains_key(first) => Err(bad("is a directory already")),
            None if self.files.insert(first.into(), content).is_some() => Err(bad("is there twice")),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Names {
    Primary,
    Joliet,
}

#[derive(Clone, Copy)]
enum Endian {
    Little,
    Big,
}

/// One of the two hierarchies, directories in the order of the path table: by depth, then parent, then name.
struct Tree<'a> {
    names: Names,
    path_table_at: usize,
    directories: Vec<Node<'a>>,
}

struct Node<'a> {
    name: Vec<u8>,
    parent: usize,
    at: usize,
    children: Vec<Child<'a>>,
}

struct Child<'a> {
    name: Vec<u8>,
    is: Is<'a>,
}

enum Is<'a> {
    /// Index in the path table.
    Directory(usize),
    /// Path, content and first sector.
    File(String, &'a [u8], usize),
}

impl<'a> Tree<'a> {
    fn of(root: &Directory<'a>, names: Names) -> Self {
        let mut tree = Self { names, path_table_at: 0, directories: Vec::new() };
        tree.directories.push(Node { name: vec![0], parent: 0, at: 0, children: Vec::new() });
        let mut level: Vec<(usize, String, &Directory<'a>)> = vec![(0, String::new(), root)];
        while !level.is_empty() {
            let mut deeper = Vec::new();
            for (index, path, directory) in level {
                let mut children = Vec::new();
                for (name, below) in names.encode(directory.directories.iter(), Kind::Directory) {
                    let child = tree.directories.len();
                    tree.directories.push(Node { name: name.1.clone(), parent: index, at: 0, children: Vec::new() });
                    deeper.push((child, format!("{path}{}/", name.0), below));
                    children.push(Child { name: name.1, is: Is::Directory(child) });
                }
                for (name, content) in names.encode(directory.files.iter(), Kind::File) {
                    children.push(Child { name: name.1, is: Is::File(format!("{path}{}", name.0), content, 0) });
                }
                children.sort_by(|a, b| a.name.cmp(&b.name));
                tree.directories[index].children = children;
            }
            level = deeper;
        }
        tree
    }

    fn files(&self) -> Vec<(String, &'a [u8])> {
        let children = self.directories.iter().flat_map(|d| &d.children);
        children
            .filter_map(|c| match &c.is {
                Is::File(path, content, _) => Some((path.clone(), *content)),
                Is::Directory(_) => None,
            })
            .collect()
    }

    fn place(&mut self, data_at: &BTreeMap<String, usize>) {
        for child in self.directories.iter_mut().flat_map(|d| &mut d.children) {
            if let Is::File(path, _, at) = &mut child.is {
                *at = data_at[path];
            }
        }
    }

    fn path_table(&self, endian: Endian) -> Vec<u8> {
        let mut out = Vec::new();
        for d in &self.directories {
            out.extend([d.name.len() as u8, 0]);
            let (at, parent) = (d.at as u32, d.parent as u16 + 1);
            match endian {
                Endian::Little => out.extend(at.to_le_bytes().iter().chain(&parent.to_le_bytes())),
                Endian::Big => out.extend(at.to_be_bytes().iter().chain(&parent.to_be_bytes())),
            }
            out.extend(&d.name);
            out.extend(&[0][..d.name.len() % 2]);
        }
        out
    }

    /// The records of one directory; none crosses a sector's end, and the whole is padded to sectors.
    fn records(&self, index: usize) -> Vec<u8> {
        let here = &self.directories[index];
        let mut out = Vec::new();
        let mut push = |record: Vec<u8>| {
            if out.len() % SECTOR + record.len() > SECTOR {
                out.resize(out.len().next_multiple_of(SECTOR), 0);
            }
            out.extend(record);
        };
        push(self.directory_record(&[0], index));
        push(self.directory_record(&[1], here.parent));
        for child in &here.children {
            push(match &child.is {
                Is::Directory(d) => self.directory_record(&child.name, *d),
                Is::File(_, content, at) => record(&child.name, *at, content.len(), 0),
            });
        }
        out.resize(out.len().next_multiple_of(SECTOR), 0);
        out
    }

    /// A directory's length is known without writing it: names decide it, places do not.
    fn directory_record(&self, name: &[u8], index: usize) -> Vec<u8> {
        let lengths = self.directories[index].children.iter().map(|c| record_length(c.name.len()));
        let mut length = 0;
        for one in [record_length(1), record_length(1)].into_iter().chain(lengths) {
            if length % SECTOR + one > SECTOR {
                length = length.next_multiple_of(SECTOR);
            }
            length += one;
        }
        record(name, self.directories[index].at, length.next_multiple_of(SECTOR), DIRECTORY)
    }

    fn descriptor(&self, label: &str, volume_sectors: usize) -> Vec<u8> {
        let mut d = vec![0; SECTOR];
        let joliet = self.names == Names::Joliet;
        let text = |d: &mut [u8], s: &str| {
            let padded: Vec<u8> = match self.names {
                Names::Primary => s.bytes().chain(std::iter::repeat(b' ')).take(d.len()).collect(),
                Names::Joliet => {
                    let units = s.encode_utf16().chain(std::iter::repeat(0x20));
                    units.flat_map(u16::to_be_bytes).take(d.len()).collect()
                }
            };
            d.copy_from_slice(&padded);
        };
        d[0] = if joliet { 2 } else { 1 };
        d[1..7].copy_from_slice(b"CD001\x01");
        text(&mut d[8..40], "");
        text(&mut d[40..72], label);
        d[80..88].copy_from_slice(&both32(volume_sectors as u32));
        if joliet {
            // UCS-2 level 3
            d[88..91].copy_from_slice(b"%/E");
        }
        d[120..124].copy_from_slice(&both16(1));
        d[124..128].copy_from_slice(&both16(1));
        d[128..132].copy_from_slice(&both16(SECTOR as u16));
        let table = self.path_table(Endian::Little).len();
        d[132..140].copy_from_slice(&both32(table as u32));
        d[140..144].copy_from_slice(&(self.path_table_at as u32).to_le_bytes());
        d[148..152].copy_from_slice(&((self.path_table_at + sectors(table)) as u32).to_be_bytes());
        d[156..190].copy_from_slice(&self.directory_record(&[0], 0));
        for field in [190..318, 318..446, 446..574, 574..702, 702..739, 739..776, 776..813] {
            text(&mut d[field], "");
        }
        for date in [813, 830, 847, 864] {
            // "not specified"
            d[date..date + 16].fill(b'0');
        }
        d[881] = 1;
        d
    }
}

fn record_length(name: usize) -> usize {
    33 + name + (name + 1) % 2
}

fn record(name: &[u8], at: usize, length: usize, flags: u8) -> Vec<u8> {
    let mut r = vec![0; record_length(name.len())];
    r[0] = r.len() as u8;
    r[2..10].copy_from_slice(&both32(at as u32));
    r[10..18].copy_from_slice(&both32(length as u32));
    // 1 January 2000, so that equal drives are equal bytes.
    r[18..25].copy_from_slice(&[100, 1, 1, 0, 0, 0, 0]);
    r[25] = flags;
    r[28..32].copy_from_slice(&both16(1));
    r[32] = name.len() as u8;
    r[33..33 + name.len()].copy_from_slice(name);
    r
}

fn both32(n: u32) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&n.to_le_bytes());
    out[4..].copy_from_slice(&n.to_be_bytes());
    out
}

fn both16(n: u16) -> [u8; 4] {
    let mut out = [0; 4];
    out[..2].copy_from_slice(&n.to_le_bytes());
    out[2..].copy_from_slice(&n.to_be_bytes());
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Directory,
}

impl Names {
    /// Real name and the bytes of its record, for each entry of one kind in one directory.
    fn encode<'n, V>(self, entries: impl Iterator<Item = (&'n String, V)>, kind: Kind) -> Vec<((String, Vec<u8>), V)> {
        let entries = entries.enumerate().map(|(i, (name, value))| {
            let bytes = match self {
                Self::Joliet => name.encode_utf16().flat_map(u16::to_be_bytes).collect(),
                Self::Primary => primary_name(name, i, kind).into_bytes(),
            };
            ((name.clone(), bytes), value)
        });
        entries.collect()
    }
}

/// A name of ISO 9660's characters, at most 8.3, made unique in its directory by its position.
fn primary_name(name: &str, position: usize, kind: Kind) -> String {
    let clean = |s: &str, n: usize| -> String {
        let kept = s.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        kept.take(n).collect()
    };
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    // Numbered names hold digits, so a name without any cannot meet one.
    let exact = stem.len() <= 8 && extension.len() <= 3 && stem.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let stem = if exact { clean(stem, 8) } else { format!("{}{position:03}", clean(stem, 5)) };
    match kind {
        Kind::Directory => stem,
        Kind::File => format!("{stem}.{};1", clean(extension, 3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn u32_at(b: &[u8], at: usize) -> usize {
        u32::from_le_bytes(b[at..at + 4].try_into().unwrap()) as usize
    }

    /// Reads a tree as an operating system would: from the descriptor's root record down.
    fn read(iso: &[u8], descriptor: usize) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let root = descriptor * SECTOR + 156;
        walk(iso, u32_at(iso, root + 2), u32_at(iso, root + 10), "", descriptor == 17, &mut found);
        found
    }

    fn walk(iso: &[u8], at: usize, len: usize, path: &str, joliet: bool, found: &mut BTreeMap<String, String>) {
        let mut pos = at * SECTOR;
        while pos < at * SECTOR + len {
            let r = &iso[pos..];
            if r[0] == 0 {
                pos = (pos / SECTOR + 1) * SECTOR;
                continue;
            }
            let name = &r[33..33 + r[32] as usize];
            if name != [0] && name != [1] {
                let units = name.chunks(2).map(|c| u16::from_be_bytes([c[0], c[1]]));
                let name = if joliet {
                    char::decode_utf16(units).map(Result::unwrap).collect()
                } else {
                    String::from_utf8(name.to_vec()).unwrap()
                };
                let (at, len) = (u32_at(r, 2), u32_at(r, 10));
                if r[25] & DIRECTORY != 0 {
                    walk(iso, at, len, &format!("{path}{name}/"), joliet, found);
                } else {
                    let data = &iso[at * SECTOR..at * SECTOR + len];
                    found.insert(format!("{path}{name}"), String::from_utf8(data.to_vec()).unwrap());
                }
            }
            pos += r[0] as usize;
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut files: Vec<(String, String)> = vec![
            ("openstack/latest/meta_data.json".into(), "{\"uuid\": 1}".into()),
            ("openstack/latest/user_data".into(), "x".repeat(5000)),
            ("openstack/2012-08-10/meta_data.json".into(), "{}".into()),
            ("openstack/content/0000".into(), String::new()),
            ("ec2/latest/meta-data.json".into(), "{}".into()),
        ];
        // Enough names for a directory of several sectors.
        files.extend((0..120).map(|i| (format!("many/a rather long name of a file {i}"), i.to_string())));
        let iso = image("config-2", &files).unwrap();
        assert_eq!(read(&iso, 17), files.iter().cloned().collect(), "the Joliet tree has the real names");
        let primary = read(&iso, 16);
        assert_eq!(primary.len(), files.len(), "no two files share a primary name");
        let contents = |tree: &BTreeMap<String, String>| {
            let mut all: Vec<_> = tree.values().cloned().collect();
            all.sort();
            all
        };
        assert_eq!(contents(&primary), contents(&read(&iso, 17)));
        assert_eq!(&iso[16 * SECTOR + 40..16 * SECTOR + 48], b"config-2");
        assert_eq!(iso, image("config-2", &files).unwrap(), "equal drives are equal bytes");
    }

    #[test]
    fn names_that_would_not_come_out_are_refused() {
        let refuse = |names: &[&str]| {
            let files: Vec<_> = names.iter().map(|n| (n.to_string(), String::new())).collect();
            assert!(image("x", &files).unwrap_err().is(kernel::Kind::BadRequest), "{names:?}");
        };
        for name in ["", "/a", "a//b", "../a", "a/./b", "a;1", "a\nb", &"n".repeat(65)] {
            refuse(&[name]);
        }
        refuse(&["a", "a/b"]);
        refuse(&["a/b", "a"]);
        refuse(&["a", "a"]);
    }
}
