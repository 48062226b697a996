//! The checksums of what is on disk, written from `docs/format` and not from the daemon's code. With
//! them an edited page or record passes for an undamaged one, so that what lies behind is reached.

/// Id of the store that everything here belongs to.
pub const STORE: [u8; 16] = *b"0123456789abcdef";

fn put(bytes: &mut [u8], at: usize, crc: u32) {
    if let Some(field) = bytes.get_mut(at..at + 4) {
        field.copy_from_slice(&crc.to_le_bytes());
    }
}

/// Seals the record at `at` of a segment's image, if a record's length fits there.
pub fn record(image: &mut [u8], at: usize, shard: u16, segment: u32) {
    let Some(head) = image.get(at..at + 16) else {
        return;
    };
    let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
    let Some(covered) = image.get(at + 4..).and_then(|rest| rest.get(..12 + len)) else {
        return;
    };
    let mut crc = crc32fast::Hasher::new();
    crc.update(&STORE);
    crc.update(&shard.to_le_bytes());
    crc.update(&segment.to_le_bytes());
    crc.update(&head[12..16]);
    crc.update(&u32::try_from(at).unwrap_or(0).to_le_bytes());
    crc.update(covered);
    let crc = crc.finalize();
    put(image, at, crc);
}

/// Seals the header of a segment's image.
pub fn segment_head(image: &mut [u8]) {
    let crc = crc32fast::hash(&image[..52]);
    put(image, 52, crc);
}

/// Bytes of a checkpoint's page of leaves.
pub const CHECKPOINT_PAGE: usize = 64 * 1024;

/// Seals every page of a checkpoint, the summary last.
pub fn checkpoint(file: &mut [u8]) {
    let pages = file.len() / CHECKPOINT_PAGE;
    let mut crcs = crc32fast::Hasher::new();
    for page in file[..pages * CHECKPOINT_PAGE].chunks_mut(CHECKPOINT_PAGE) {
        let crc = crc32fast::hash(&page[12..]);
        put(page, 8, crc);
        crcs.update(&crc.to_le_bytes());
    }
    let crcs = crcs.finalize();
    let summary = &mut file[pages * CHECKPOINT_PAGE..];
    put(summary, 76, crcs);
    let crc = crc32fast::hash(&summary[12..]);
    put(summary, 8, crc);
}

/// Seals a page of the mapped index.
pub fn map_page(page: &mut [u8]) {
    let mut crc = crc32fast::Hasher::new_with_initial(crc32fast::hash(&STORE));
    crc.update(&page[4..]);
    let crc = crc.finalize();
    put(page, 0, crc);
}

/// Seals a superblock of the mapped index.
pub fn map_superblock(page: &mut [u8]) {
    let crc = crc32fast::hash(&page[16..88]);
    put(page, 12, crc);
}
