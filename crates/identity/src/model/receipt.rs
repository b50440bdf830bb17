//! What stands for the methods that a user has passed while more are needed, and its permanent form before sealing.
//!
//! ```text
//!   2 · methods u16 · issued i64 µs · expires i64 µs · user id          (ids as in tokens; no token begins with 2)
//! ```

use super::token::{Method, from_bits, put_id, take, take_id, to_bits};
use kernel::{Timestamp, UserId};

const VERSION: u8 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub user: UserId,
    /// Without repetition, in order.
    pub methods: Vec<Method>,
    pub issued: Timestamp,
    pub expires: Timestamp,
}

impl Receipt {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend(to_bits(&self.methods).to_be_bytes());
        out.extend(self.issued.micros().to_be_bytes());
        out.extend(self.expires.micros().to_be_bytes());
        put_id(&mut out, &self.user);
        out
    }

    /// `None`: not something that [`Receipt::encode`] wrote.
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets;
        let rest = &mut rest;
        if take::<1>(rest)? != [VERSION] {
            return None;
        }
        let methods = from_bits(u16::from_be_bytes(take(rest)?))?;
        let issued = Timestamp::from_micros(i64::from_be_bytes(take(rest)?));
        let expires = Timestamp::from_micros(i64::from_be_bytes(take(rest)?));
        let user = take_id(rest)?.into();
        rest.is_empty().then_some(Self { user, methods, issued, expires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::token::Payload;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decodes_what_it_encodes_and_is_no_token(
            user in "[a-zA-Z0-9-]{1,64}",
            methods in proptest::sample::subsequence(Method::ALL.to_vec(), 0..=8),
            (issued, expires) in any::<(i64, i64)>(),
        ) {
            let (issued, expires) = (Timestamp::from_micros(issued), Timestamp::from_micros(expires));
            let receipt = Receipt { user: user.into(), methods, issued, expires };
            let octets = receipt.encode();
            prop_assert_eq!(Payload::decode(&octets), None);
            prop_assert_eq!(Receipt::decode(&octets[..octets.len() - 1]), None);
            prop_assert_eq!(Receipt::decode(&octets), Some(receipt));
        }

        #[test]
        fn garbage_is_refused_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..90)) {
            if let Some(receipt) = Receipt::decode(&octets) {
                prop_assert_eq!(receipt.encode(), octets);
            }
        }
    }
}
