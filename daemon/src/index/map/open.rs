//! Making a map, loading one from sorted entries, opening one that was closed in an orderly way.

use super::Stamp;
use super::error::MapError;
use super::find::Root;
use super::generation::Generation;
use super::layout::{self, KEY_BYTES_MAX, PAGE, PageRef, VALUE_BYTES_MAX};
use super::node::Node;
use super::pages::Pages;
use super::region::{CHUNK_BYTES, CHUNKS_MAX, Region, copy_page};
use super::superblock::{self, SUPERBLOCKS, Superblock};
use super::writer::{MapWriter, salt};
use crate::base::sync::Arc;
use crate::io::mapfile::MapFile;
use std::path::PathBuf;

/// How full [`MapWriter::load`] makes pages: room is left for insertions.
const FILL: usize = PAGE * 9 / 10;

/// Where a map is kept.
#[derive(Clone, Debug)]
pub struct MapConfig {
    /// Its file; `None` keeps it in memory only.
    pub path: Option<PathBuf>,
    /// The store it belongs to. A map of another store is not opened.
    pub store: [u8; 16],
}

impl MapConfig {
    fn create(&self) -> Result<MapFile, MapError> {
        match &self.path {
            Some(path) => MapFile::create(path),
            None => MapFile::anonymous(),
        }
        .map_err(|error| MapError::io("create the index", &error))
    }
}

impl MapWriter {
    /// An empty map, in place of any that was there.
    pub fn create(config: &MapConfig) -> Result<Self, MapError> {
        Self::load(
            config,
            std::iter::empty::<(&[u8], &[u8])>(),
            Stamp::default(),
        )
    }

    /// A map of these entries, in place of any that was there. Keys must ascend.
    pub fn load<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        config: &MapConfig,
        entries: impl IntoIterator<Item = (K, V)>,
        stamp: Stamp,
    ) -> Result<Self, MapError> {
        let file = config.create()?;
        let pages = Pages::new(file, Arc::new(Region::default()), &[]);
        let mut loader = Loader {
            pages,
            salt: salt(config.store),
            levels: vec![Level::new(0, &[])],
            last: Vec::new(),
            len: 0,
        };
        for (key, value) in entries {
            loader.push(key.as_ref(), value.as_ref())?;
        }
        let root = loader.finish()?;
        let Loader { pages, len, .. } = loader;
        let unclean = Superblock {
            sequence: 1,
            clean: false,
            root,
            number: LOADED,
            entries: len,
            stamp,
        };
        superblock::write(&pages.file, config.store, &unclean)?;
        let state = (LOADED, stamp);
        Ok(Self::new(pages, config.store, 1, root, len, state))
    }

    /// Opens a map that [`MapWriter::close`] left, after checking every page of it. Any error but
    /// [`MapError::InUse`] means that it has to be rebuilt.
    pub fn open(config: &MapConfig) -> Result<Self, MapError> {
        let path = config.path.as_ref();
        let path = path.ok_or(MapError::Unusable("it was kept in memory only"))?;
        let io = |error| MapError::io("open the index", &error);
        let file = MapFile::open(path).map_err(io)?;
        let (found, region) = look(&file, config.store)?;
        if !found.clean {
            return Err(MapError::Unusable("it was not closed in an orderly way"));
        }
        let salt = salt(config.store);
        let used = verify(&region, salt, &found)?;
        let unclean = Superblock {
            sequence: found.sequence + 1,
            clean: false,
            ..found
        };
        superblock::write(&file, config.store, &unclean)?;
        Ok(Self::new(
            Pages::new(file, Arc::new(region), &used),
            config.store,
            unclean.sequence,
            found.root,
            found.entries,
            (found.number, found.stamp),
        ))
    }

    /// Looks at a map that nobody has open, without changing a byte of its file: the state that
    /// [`MapWriter::close`] left, every page of it checked. `None` when it was not closed in an
    /// orderly way; nothing is expected of its pages then.
    pub fn inspect(config: &MapConfig) -> Result<Option<Generation>, MapError> {
        let path = config.path.as_ref();
        let path = path.ok_or(MapError::Unusable("it was kept in memory only"))?;
        let io = |error| MapError::io("open the index", &error);
        let file = MapFile::open_read_only(path).map_err(io)?;
        let (found, region) = look(&file, config.store)?;
        if !found.clean {
            return Ok(None);
        }
        let salt = salt(config.store);
        verify(&region, salt, &found)?;
        Ok(Some(Generation {
            number: found.number,
            stamp: found.stamp,
            len: found.entries,
            root: found.root,
            salt,
            region: Arc::new(region),
            dropped: Arc::default(),
        }))
    }

    /// Leaves the published state so that the next start can use it as it is. Changes that are not
    /// published are gone.
    pub fn close(self) -> Result<(), MapError> {
        let clean = {
            let published = self.reader.view();
            Superblock {
                sequence: self.sequence + 1,
                clean: true,
                root: published.root,
                number: published.number,
                entries: published.len,
                stamp: published.stamp,
            }
        };
        let synced = self.pages.file.sync();
        synced.map_err(|error| MapError::io("flush the index", &error))?;
        superblock::write(&self.pages.file, self.store, &clean)
    }
}

/// The superblock that counts, and all of the file mapped.
fn look(file: &MapFile, store: [u8; 16]) -> Result<(Superblock, Region), MapError> {
    let found = superblock::read(file, store).ok_or(MapError::Unusable(
        "no superblock of this store and version",
    ))?;
    let mut region = Region::default();
    if found.clean {
        let len = file.len();
        let len = len.map_err(|error| MapError::io("open the index", &error))?;
        for _ in 0..(len / CHUNK_BYTES).min(CHUNKS_MAX as u64) {
            region = region.extended(file)?;
        }
    }
    Ok((found, region))
}

/// Checks every page of a tree: its checksum and place, the order of all keys, the number of
/// entries. Returns which pages it uses.
fn verify(region: &Region, salt: u32, superblock: &Superblock) -> Result<Vec<bool>, MapError> {
    let mut used = vec![false; region.pages() as usize];
    let mut entries = 0;
    let mut last: Option<Vec<u8>> = None;
    // Pages to visit, with the smallest key they may hold, in reverse order.
    let mut rest: Vec<(PageRef, u8, Vec<u8>)> =
        vec![(superblock.root.at, superblock.root.level, Vec::new())];
    while let Some((at, level, least)) = rest.pop() {
        let node = layout::decode(&*copy_page(region, at)?, at, level, salt)?;
        let mark = used.get_mut(at.page as usize);
        let mark = mark.ok_or_else(|| at.damaged("beyond the end of the index"))?;
        if at.page < SUPERBLOCKS || std::mem::replace(mark, true) {
            return Err(at.damaged("used twice"));
        }
        if level > 0 {
            for index in (0..node.len()).rev() {
                let least = if index == 0 {
                    least.clone()
                } else {
                    node.key(index).to_vec()
                };
                rest.push((node.child(index), level - 1, least));
            }
            continue;
        }
        let sorted = node.is_empty()
            || (node.key(0) >= least.as_slice()
                && last.as_deref().is_none_or(|last| last < node.key(0)));
        if !sorted
            || last
                .as_ref()
                .is_some_and(|last| !least.is_empty() && *last >= least)
        {
            return Err(at.damaged("order of keys"));
        }
        entries += node.len() as u64;
        if !node.is_empty() {
            last = Some(node.key(node.len() - 1).to_vec());
        }
    }
    if entries != superblock.entries {
        return Err(superblock.root.at.damaged("number of entries"));
    }
    Ok(used)
}

/// Number of the state that a load makes.
const LOADED: u64 = 1;

/// Builds a tree from the leaves up: one unfinished node per level.
struct Loader {
    pages: Pages,
    salt: u32,
    levels: Vec<Level>,
    last: Vec<u8>,
    len: u64,
}

/// The unfinished node of a level and the key that divides it from the one to its left.
struct Level {
    node: Node,
    separator: Vec<u8>,
}

impl Level {
    fn new(level: usize, separator: &[u8]) -> Self {
        Self {
            node: Node::new(u8::try_from(level).unwrap_or(u8::MAX)),
            separator: separator.to_vec(),
        }
    }

    /// The first key of an inner node is empty.
    fn push(&mut self, key: &[u8], value: &[u8]) {
        let inner_first = self.node.level() > 0 && self.node.is_empty();
        self.node
            .push(&[if inner_first { b"" } else { key }], value);
    }
}

impl Loader {
    fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            return Err(MapError::TooLong {
                key: key.len(),
                value: value.len(),
            });
        }
        assert!(self.len == 0 || *self.last < *key, "keys must ascend");
        let shared = layout::common_prefix(&self.last, key);
        let separator = key.get(..=shared).unwrap_or(key);
        self.put(0, key, value, separator)?;
        self.last.clear();
        self.last.extend_from_slice(key);
        self.len += 1;
        Ok(())
    }

    /// Appends to the node of a level. When that is full, it is written, and `separator` divides it
    /// from the next one, which begins with the entry.
    fn put(
        &mut self,
        level: usize,
        key: &[u8],
        value: &[u8],
        separator: &[u8],
    ) -> Result<(), MapError> {
        if level == self.levels.len() {
            self.levels.push(Level::new(level, &[]));
        }
        let Some(open) = self.levels.get_mut(level) else {
            return Ok(());
        };
        open.push(key, value);
        if open.node.size() <= FILL || open.node.len() == 1 {
            return Ok(());
        }
        open.node.remove(open.node.len() - 1);
        let mut next = Level::new(level, separator);
        next.push(key, value);
        let full = std::mem::replace(open, next);
        self.put_child(level + 1, full)
    }

    fn put_child(&mut self, level: usize, child: Level) -> Result<(), MapError> {
        let at = self.write(&child.node)?;
        let value = at.to_word().to_le_bytes();
        self.put(level, &child.separator, &value, &child.separator)
    }

    fn write(&mut self, node: &Node) -> Result<PageRef, MapError> {
        let at = PageRef {
            page: self.pages.alloc()?,
            generation: PageRef::from_word(LOADED << 32).generation,
        };
        let bytes = layout::encode(node, at, LOADED, self.salt);
        self.pages.write(at.page, &bytes)?;
        Ok(at)
    }

    /// Writes what is unfinished; the last level has one node, the root.
    fn finish(&mut self) -> Result<Root, MapError> {
        let mut level = 0;
        loop {
            let next = Level::new(level, &[]);
            let Some(open) = self.levels.get_mut(level) else {
                return Err(MapError::Unusable("a tree without a root"));
            };
            let open = std::mem::replace(open, next);
            if level + 1 == self.levels.len() {
                let level = open.node.level();
                let at = self.write(&open.node)?;
                return Ok(Root { at, level });
            }
            self.put_child(level + 1, open)?;
            level += 1;
        }
    }
}
