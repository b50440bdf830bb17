mod total;

pub(crate) use total::{Usage, total};
