//! Streams of wire 2 (`spec/wire.md` 9.1): how the bytes come in makes no difference, nothing is kept but a frame, and
//! what is read is written with the same meaning.

#![no_main]

use api::stream::{Decoder, Frame, StreamError, Writer};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8], piece: usize) -> (Vec<Frame>, Result<(), StreamError>, u64) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error), decoder.offset()),
            }
        }
    }
    (frames, decoder.finish(), decoder.offset())
}

fuzz_target!(|bytes: &[u8]| {
    let (frames, ended, offset) = read(bytes, usize::MAX);
    assert!(offset <= bytes.len() as u64);
    let (others, other_end, other_offset) = read(bytes, 7);
    // Behind an end, how much has come by then is all the difference.
    if ended.is_ok() == other_end.is_ok() {
        assert_eq!((&frames, offset), (&others, other_offset));
    }
    let mut frames = frames.into_iter();
    let Some(Frame::Begin(begin)) = frames.next() else { return };
    let mut writer = Writer::begin(begin.clone()).unwrap();
    let mut written = vec![Frame::Begin(begin)];
    for frame in frames {
        if matches!(frame, Frame::End(_)) {
            break;
        }
        // What was packed well beyond a frame may not fit again; numbers may be written in fewer bytes.
        match writer.write(frame.clone()) {
            Ok(()) => written.push(frame),
            Err(StreamError::TooLarge { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
    let again = writer.take_written();
    let (read_again, end, _) = read(&again, usize::MAX);
    let is_last = matches!(written.last(), Some(Frame::Error(_)));
    assert!(
        if is_last { end.is_ok() } else { matches!(end, Err(StreamError::Cut { .. })) },
        "{end:?}"
    );
    // A fraction that is no number is not equal to itself.
    if format!("{written:?}").contains("NaN") {
        return;
    }
    assert_eq!(read_again, written);
});
