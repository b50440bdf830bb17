mod allocations;
mod list;
mod show;

pub(crate) use allocations::allocations;
pub(crate) use list::list;
pub(crate) use show::show;
