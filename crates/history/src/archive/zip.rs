//! Zip: each file deflated, its sum and sizes behind it, and the list of all at the end. Sizes of 64 bits where 32 are
//! too few.

use super::{About, deflate::Deflate};
use crate::tree::Mode;

/// From here on sizes and positions have 64 bits: below it deflate cannot make more of a file than 32 bits hold.
const LARGE: u64 = 0xff00_0000;
/// Names are UTF-8; sizes stand behind the bytes.
const FLAGS: u16 = 1 << 11 | 1 << 3;
const DEFLATED: u16 = 8;
/// What a reader must know of: deflate, or 64 bits.
const NEEDS: u16 = 20;
const NEEDS_LARGE: u16 = 45;
/// Written on unix by the newest of those versions.
const MADE_BY: u16 = 3 << 8 | NEEDS_LARGE;
/// What a member is, as unix has it; of a directory also as DOS has it.
const fn attributes(mode: Mode) -> u32 {
    match mode {
        Mode::Plain => 0o10_0644 << 16,
        Mode::Executable => 0o10_0755 << 16,
        Mode::Link => 0o12_0777 << 16,
        Mode::Module => 0o04_0755 << 16 | 0x10,
    }
}

#[derive(Debug, Default)]
pub(super) struct Zip {
    /// Bytes so far.
    at: u64,
    list: Vec<u8>,
    files: u64,
    deflate: Deflate,
    now: Now,
}

/// The file that is being written.
#[derive(Debug, Default)]
struct Now {
    name: String,
    mode: Mode,
    position: u64,
    is_large: bool,
    size: u64,
    packed: u64,
    sum: crc32fast::Hasher,
    moment: [u16; 2],
}

/// Little-endian fields, one after the other.
macro_rules! put {
    ($out:expr, $($field:expr),+ $(,)?) => { $($out.extend_from_slice(&$field.to_le_bytes());)+ };
}

impl Zip {
    pub(super) fn begin_file(
        &mut self,
        about: &About,
        (path, mode): (&str, Mode),
        size: u64,
        out: &mut Vec<u8>,
    ) {
        let (start, is_large) = (out.len(), size >= LARGE);
        let name = format!("{}{path}", about.prefix);
        let (position, moment) = (self.at, dos(about.seconds));
        let now = Now { name, mode, position, is_large, moment, ..Now::default() };
        let (extra, unknown) = if is_large { (20_u16, u32::MAX) } else { (0, 0) };
        let [time, date] = now.moment;
        put!(out, 0x0403_4b50_u32, needs(is_large), FLAGS, DEFLATED, time, date, 0_u32);
        put!(out, unknown, unknown, short(now.name.len()), extra);
        out.extend_from_slice(now.name.as_bytes());
        if is_large {
            put!(out, 1_u16, 16_u16, 0_u64, 0_u64);
        }
        self.now = now;
        self.at += (out.len() - start) as u64;
    }

    pub(super) fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.now.sum.update(bytes);
        self.now.size += bytes.len() as u64;
        let packed = self.deflate.put(bytes, out);
        self.now.packed += packed;
        self.at += packed;
    }

    pub(super) fn end_file(&mut self, out: &mut Vec<u8>) {
        let packed = self.deflate.finish(out);
        self.now.packed += packed;
        self.at += packed;
        let (start, now) = (out.len(), std::mem::take(&mut self.now));
        let sum = now.sum.finalize();
        put!(out, 0x0807_4b50_u32, sum);
        if now.is_large {
            put!(out, now.packed, now.size);
        } else {
            put!(out, small(now.packed), small(now.size));
        }
        self.at += (out.len() - start) as u64;
        self.files += 1;
        let mut extra = Vec::new();
        if now.is_large {
            put!(extra, now.size, now.packed);
        }
        if now.position >= LARGE {
            put!(extra, now.position);
        }
        let extra_bytes = if extra.is_empty() { 0 } else { short(extra.len() + 4) };
        let of = |value: u64, is_large: bool| if is_large { u32::MAX } else { small(value) };
        let list = &mut self.list;
        let [time, date] = now.moment;
        put!(
            list,
            0x0201_4b50_u32,
            MADE_BY,
            needs(extra_bytes > 0),
            FLAGS,
            DEFLATED,
            time,
            date,
            sum
        );
        put!(list, of(now.packed, now.is_large), of(now.size, now.is_large));
        put!(list, short(now.name.len()), extra_bytes, 0_u16, 0_u16, 0_u16, attributes(now.mode));
        put!(list, of(now.position, now.position >= LARGE));
        list.extend_from_slice(now.name.as_bytes());
        if extra_bytes > 0 {
            put!(list, 1_u16, short(extra.len()));
            list.extend_from_slice(&extra);
        }
    }

    pub(super) fn finish(self, about: &About, out: &mut Vec<u8>) {
        let (position, size) = (self.at, self.list.len() as u64);
        out.extend_from_slice(&self.list);
        let is_many = self.files >= u64::from(u16::MAX);
        let is_large = is_many || position >= LARGE || size >= LARGE;
        if is_large {
            put!(out, 0x0606_4b50_u32, 44_u64, MADE_BY, NEEDS_LARGE, 0_u32, 0_u32);
            put!(out, self.files, self.files, size, position);
            put!(out, 0x0706_4b50_u32, 0_u32, position + size, 1_u32);
        }
        let files =
            if is_many { u16::MAX } else { short(usize::try_from(self.files).unwrap_or(0)) };
        let of = |value: u64| if value >= LARGE { u32::MAX } else { small(value) };
        let comment = about.commit.to_string();
        put!(out, 0x0605_4b50_u32, 0_u16, 0_u16, files, files, of(size), of(position));
        put!(out, short(comment.len()));
        out.extend_from_slice(comment.as_bytes());
    }
}

const fn needs(is_large: bool) -> u16 {
    if is_large { NEEDS_LARGE } else { NEEDS }
}

fn short(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A moment as the field of a zip has it: the time and the day in UTC, from 1980 to 2107, in steps of two seconds.
fn dos(seconds: u64) -> [u16; 2] {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    let year = moment.map_or(2107, time::OffsetDateTime::year);
    let Some(moment) = moment.filter(|it| (1980..=2107).contains(&it.year())) else {
        return if year < 1980 { [0, 1 << 5 | 1] } else { [0xbf7d, 0xff9f] };
    };
    let time = u16::from(moment.hour()) << 11
        | u16::from(moment.minute()) << 5
        | (u16::from(moment.second()) / 2);
    let day = u16::try_from(moment.year() - 1980).unwrap_or(0) << 9
        | u16::from(u8::from(moment.month())) << 5
        | u16::from(moment.day());
    [time, day]
}
