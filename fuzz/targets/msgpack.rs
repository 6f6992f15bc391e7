//! Bodies of wire 1 as strict MessagePack: the first byte says which message. What is read is written and read again.

#![no_main]

use std::convert::Infallible;

use api::{
    Limits, Value,
    msgpack::{self, Reader},
    wire::{
        FetchAnswer, FetchRequest, Format, Missing, Negotiate, ObjectIds, ObjectSink, Presign, PushRequest, Refs,
        read_push_objects,
    },
};
use libfuzzer_sys::fuzz_target;
use names::ObjectId;

/// Counts the bytes of objects against what was declared.
#[derive(Default)]
struct Sink {
    left: u64,
}

impl ObjectSink for Sink {
    type Error = Infallible;

    fn begin(&mut self, size_bytes: u64) -> Result<(), Infallible> {
        self.left = size_bytes;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.left = self.left.checked_sub(bytes.len() as u64).expect("no more than was declared");
        Ok(())
    }

    fn end(&mut self, _claimed: ObjectId) -> Result<(), Infallible> {
        assert_eq!(self.left, 0, "as much as was declared");
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, body)) = bytes.split_first() else { return };
    let _objects = read_push_objects(&mut Reader::new(body), &mut Sink::default());
    let limits = Limits::of_body(1 << 16);
    let Ok(value) = Value::from_msgpack_reader(body, &limits) else { return };
    let mut written = Vec::new();
    msgpack::write_value(&mut written, &value).expect("memory takes everything");
    let again = Value::from_msgpack_reader(&written[..], &limits).expect("what was written is read");
    // A float that is no number equals nothing, itself included.
    assert!(again == value || format!("{again:?}") == format!("{value:?}"));
    match which % 8 {
        0 => drop(Refs::try_from(value)),
        1 => drop(Missing::try_from(value)),
        2 => drop(ObjectIds::parse(value, 100)),
        3 => drop(Presign::try_from(value)),
        4 => drop(Negotiate::try_from(value)),
        5 => drop(FetchRequest::try_from(value)),
        6 => {
            let Ok(push) = PushRequest::try_from(value) else { return };
            let value = push.into_value(Format::MessagePack);
            assert!(PushRequest::try_from(value).is_ok(), "a message of ours is read");
        }
        _ => {
            let Ok(answer) = FetchAnswer::try_from(value) else { return };
            let value = answer.into_value(Format::MessagePack);
            assert!(FetchAnswer::try_from(value).is_ok(), "a message of ours is read");
        }
    }
});
