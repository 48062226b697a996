//! What an object costs in memory.

use crate::base::{BucketId, Location, Timestamp, VersionId};
use crate::index;
use crate::store::meta::ChecksumAlgorithm;
use crate::store::{ETag, ObjectEntry, keys};

const OBJECTS: u64 = 20_000;
/// Beside the bytes of its key.
const BYTES_PER_OBJECT_MAX: usize = 64;
/// What an allocator adds to an allocation.
const ALLOCATION: usize = 16;
/// Bytes of a leaf on average, at least, once there are many.
const LEAF: usize = 2000;

/// Makes the key of a number.
type Shape = fn(u64) -> String;

fn entry(number: u64) -> ObjectEntry {
    ObjectEntry {
        at: Location {
            segment: 600,
            offset: (number as u32) << 9,
        },
        record_len: 4300,
        size: 4096 + number,
        modified: Timestamp(1_800_000_000_000 + number * 7),
        etag: ETag {
            md5: u128::from(number).to_be_bytes(),
            parts: 0,
        },
        checksum: Some(ChecksumAlgorithm::Crc64Nvme),
        apart: false,
    }
}

/// Keys in no order, in a bucket among others, as the store puts them into its index.
#[test]
fn an_object_takes_its_key_and_64_bytes() {
    let shapes: [(&str, Shape); 4] = [
        ("photos", |n| format!("photos/{:03}/{n:016x}.jpg", n >> 54)),
        ("no common prefix", |n| {
            format!("{n:016x}-{:019x}", n.rotate_left(32))
        }),
        ("short", |n| format!("{:07x}", n >> 36)),
        ("long", |n| {
            format!("{}/{n:016x}/part-00000.parquet", "warehouse/".repeat(20))
        }),
    ];
    for (shape, key) in shapes {
        let (mut writer, reader) = index::new();
        let (mut key_bytes, mut value) = (0, Vec::new());
        for number in 0..OBJECTS {
            let key = key(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let index_key = keys::object(BucketId(77), key.as_bytes(), VersionId::NULL);
            value.clear();
            entry(number).encode(&mut value);
            if !writer.insert(&index_key, &value) {
                key_bytes += key.len();
            }
        }
        let allocations = reader.memory_bytes() / LEAF;
        let bytes = reader.memory_bytes() + allocations * ALLOCATION;
        let beside_keys = bytes.saturating_sub(key_bytes) / reader.len();
        assert!(
            beside_keys <= BYTES_PER_OBJECT_MAX,
            "{shape}: {beside_keys} bytes beside the key"
        );
    }
}
