//! Cutting a stream of bytes into JSON texts. JSON-RPC over OVSDB's sockets has no delimiter: one object follows the other,
//! perhaps with white space between them. The cutter looks at each byte once, however the stream is chopped up.

use super::Error;
use bytes::{Buf, BytesMut};

/// A single message larger than this is taken for an attack or a fault (the whole of a large region's database is some tens
/// of MiB).
const LIMIT: usize = 1 << 30;

#[derive(Debug, Default)]
pub struct Framer {
    pub buffer: BytesMut,
    /// How much of `buffer` was looked at.
    seen: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Framer {
    /// The next complete object, or `None` if more bytes are needed.
    pub fn next(&mut self) -> Result<Option<BytesMut>, Error> {
        if self.depth == 0 {
            let blanks = self.buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.buffer.advance(blanks);
            self.seen = 0;
        }
        while let Some(&byte) = self.buffer.get(self.seen) {
            self.seen += 1;
            if self.depth == 0 && byte != b'{' {
                return Err(Error::Protocol(format!("a message begins with byte {byte:#04x} instead of an object")));
            }
            if self.ends_with(byte) {
                return Ok(Some(self.buffer.split_to(std::mem::take(&mut self.seen))));
            }
        }
        if self.buffer.len() > LIMIT {
            return Err(Error::Protocol(format!("a message is longer than {LIMIT} bytes")));
        }
        Ok(None)
    }

    /// Takes one byte into account; true if it closed the outermost object.
    fn ends_with(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn message() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<i64>().prop_map(|n| json!(n)), any::<String>().prop_map(|s| json!(s)), Just(Value::Null)];
        let tree = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        });
        proptest::collection::btree_map(any::<String>(), tree, 0..3)
            .prop_map(|m| Value::Object(m.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn any_messages_chopped_up_anyhow_come_out_whole(
            messages in proptest::collection::vec(message(), 0..6),
            cuts in proptest::collection::vec(1_usize..40, 1..20),
            blanks in "[ \n\t]{0,3}",
        ) {
            let wire: String = messages.iter().map(|m| format!("{m}{blanks}")).collect();
            let (mut framer, mut out, mut rest) = (Framer::default(), Vec::new(), wire.as_bytes());
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framer.buffer.extend_from_slice(now);
                while let Some(frame) = framer.next().unwrap() {
                    out.push(serde_json::from_slice::<Value>(&frame).unwrap());
                }
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(out, messages);
        }
    }

    #[test]
    fn what_is_no_object_is_a_protocol_error() {
        let mut framer = Framer::default();
        framer.buffer.extend_from_slice(b"  HTTP/1.1 400");
        assert!(matches!(framer.next(), Err(Error::Protocol(_))));
    }
}
