//! `POST /v3/ec2tokens` and `/v3/s3tokens`: a service that got a request signed with an EC2 credential asks whose it is.

mod authenticate;
mod signature;

pub use authenticate::{Request, Signer, authenticate};
