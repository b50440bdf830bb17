//! Numbers out of untrusted bytes: `None` where the bytes end.

#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

macro_rules! readers {
    ($($name:ident: $type:ty, $from:ident;)+) => {$(
        pub(super) fn $name(&self, at: usize) -> Option<$type> {
            let bytes = self.0.get(at..at.checked_add(size_of::<$type>())?)?;
            bytes.try_into().ok().map(<$type>::$from)
        }
    )+};
}

impl<'a> Fields<'a> {
    readers! {
        be32: u32, from_be_bytes;
        be64: u64, from_be_bytes;
        le16: u16, from_le_bytes;
        le32: u32, from_le_bytes;
        le64: u64, from_le_bytes;
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn bytes(&self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(length)?)
    }

    pub(super) fn has(&self, at: usize, text: &[u8]) -> bool {
        self.bytes(at, text.len()) == Some(text)
    }

    pub(super) fn starts_with(&self, text: &[u8]) -> bool {
        self.0.starts_with(text)
    }

    /// Everything from `at` on.
    pub(super) fn from(&self, at: usize) -> Fields<'a> {
        Fields(self.0.get(at..).unwrap_or_default())
    }

    pub(super) fn zero(&self, at: usize, length: usize) -> Option<bool> {
        self.bytes(at, length).map(|b| b.iter().all(|b| *b == 0))
    }
}
