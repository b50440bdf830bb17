use serde::{Deserialize, Serialize};
use store::{Key, Object, Tx};

/// The last number given away; Nova's older versions show numbers where newer ones show UUIDs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    pub name: String,
    pub last: u64,
}

impl Object for Sequence {
    const KIND: &'static str = "compute.sequence";
    fn key(&self) -> Key {
        self.name.as_str().into()
    }
}

/// The next number of a sequence, from 1.
pub fn next(tx: &mut Tx, name: &str) -> u64 {
    let last = tx.get::<Sequence>(name).map_or(0, |s| s.last) + 1;
    tx.put(Sequence { name: name.into(), last });
    last
}
