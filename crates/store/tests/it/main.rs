//! The store's behaviour, on every back end.

mod basics;
