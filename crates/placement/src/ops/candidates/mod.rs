mod list;

pub(crate) use list::{Candidates, list};
