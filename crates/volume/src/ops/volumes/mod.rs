pub(crate) mod actions;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod migrate;
pub(crate) mod rework;
pub(crate) mod update;
