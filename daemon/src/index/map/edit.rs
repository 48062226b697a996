//! Insertion and removal, by copying the pages on the way.

use super::Lookup;
use super::error::MapError;
use super::find::Root;
use super::layout::{KEY_BYTES_MAX, LEVELS_MAX, PAGE, PageRef, VALUE_BYTES_MAX};
use super::node::Node;
use super::scan::Nodes;
use super::writer::MapWriter;
use std::rc::Rc;

/// A node smaller than this looks for a neighbour to merge with.
const SMALL: usize = PAGE / 4;
/// What two nodes together may have to be merged: room is left, or the next insertion would split
/// them again.
const MERGED_MAX: usize = PAGE * 3 / 4;

/// The pages a node became, each but the first with the key that divides it from the one before.
type Parts = Vec<(Vec<u8>, PageRef)>;

/// What became of a node something was removed from.
enum Remainder {
    /// It is empty and gone.
    Nothing,
    /// It is in this page now, and maybe small.
    Node(PageRef, bool),
}

impl MapWriter {
    /// Sets a value.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        if key.len() > KEY_BYTES_MAX || value.len() > VALUE_BYTES_MAX {
            return Err(MapError::TooLong {
                key: key.len(),
                value: value.len(),
            });
        }
        let root = self.changes.root;
        let mut parts = self.insert_under(root.at, root.level, key, value)?;
        let mut level = root.level;
        while parts.len() > 1 {
            level += 1;
            let mut node = Node::new(level);
            for (separator, child) in &parts {
                let key: &[u8] = if node.is_empty() { &[] } else { separator };
                node.push(&[key], &child.to_word().to_le_bytes());
            }
            let page = self.new_page()?;
            parts = self.put_back(page, node)?;
        }
        if let Some((_, at)) = parts.first() {
            self.changes.root = Root { at: *at, level };
        }
        assert!(level < LEVELS_MAX, "a tree higher than its pages allow");
        self.spill()
    }

    fn insert_under(
        &mut self,
        at: PageRef,
        level: u8,
        key: &[u8],
        value: &[u8],
    ) -> Result<Parts, MapError> {
        let (page, mut node) = self.take(at, level)?;
        if level == 0 {
            if node.put(key, value) {
                self.changes.len += 1;
            }
        } else {
            let index = node.child_index(key);
            let parts = self.insert_under(node.child(index), level - 1, key, value)?;
            for (number, (separator, child)) in parts.into_iter().enumerate() {
                if number == 0 {
                    node.set_child(index, child);
                } else {
                    node.put_child(&separator, child);
                }
            }
        }
        self.put_back(page, node)
    }

    /// Removes a key; says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> Result<bool, MapError> {
        if self.value(key)?.is_none() {
            return Ok(false);
        }
        let root = self.changes.root;
        let mut here = match self.remove_under(root.at, root.level, key)? {
            Remainder::Node(at, _) => Root {
                at,
                level: root.level,
            },
            Remainder::Nothing => {
                let page = self.new_page()?;
                let parts = self.put_back(page, Node::new(0))?;
                let at = parts.first().map_or(root.at, |(_, at)| *at);
                Root { at, level: 0 }
            }
        };
        while here.level > 0 {
            let node = self.node(here.at, here.level)?;
            if node.len() > 1 {
                break;
            }
            let child = node.child(0);
            self.drop_page(here.at);
            here = Root {
                at: child,
                level: here.level - 1,
            };
        }
        self.changes.root = here;
        self.changes.len -= 1;
        self.spill()?;
        Ok(true)
    }

    fn remove_under(&mut self, at: PageRef, level: u8, key: &[u8]) -> Result<Remainder, MapError> {
        let (page, mut node) = self.take(at, level)?;
        if level == 0 {
            if let Ok(index) = node.find(key) {
                node.remove(index);
            }
        } else {
            let index = node.child_index(key);
            match self.remove_under(node.child(index), level - 1, key)? {
                Remainder::Nothing => node.remove(index),
                Remainder::Node(child, small) => {
                    node.set_child(index, child);
                    if small {
                        self.merge(&mut node, index)?;
                    }
                }
            }
        }
        if node.is_empty() {
            self.drop_page(self.fresh_ref(page));
            return Ok(Remainder::Nothing);
        }
        let small = node.size() < SMALL;
        let parts = self.put_back(page, node)?;
        let at = parts.first().map_or(at, |(_, at)| *at);
        Ok(Remainder::Node(at, small))
    }

    /// Merges the child at `index` with a neighbour, if one is there and both are small enough.
    fn merge(&mut self, parent: &mut Node, index: usize) -> Result<(), MapError> {
        let left = if index + 1 < parent.len() {
            index
        } else {
            index.saturating_sub(1)
        };
        let right = left + 1;
        if right >= parent.len() {
            return Ok(());
        }
        let level = parent.level() - 1;
        let separator = parent.key(right).to_vec();
        let (left_at, right_at) = (parent.child(left), parent.child(right));
        let mut merged = (*self.node(left_at, level)?).clone();
        merged.absorb(&separator, &*self.node(right_at, level)?);
        if merged.size() > MERGED_MAX {
            return Ok(());
        }
        let (page, _) = self.take(left_at, level)?;
        let parts = self.put_back(page, merged)?;
        self.drop_page(right_at);
        if let Some((_, at)) = parts.first() {
            parent.set_child(left, *at);
        }
        parent.remove(right);
        Ok(())
    }

    /// A node to be changed, and the page it will be in: its own if nobody else has that, else a new
    /// one.
    fn take(&mut self, at: PageRef, level: u8) -> Result<(u32, Node), MapError> {
        if let Some(node) = self.changes.dirty.remove(&at.page) {
            return Ok((at.page, Rc::unwrap_or_clone(node)));
        }
        let node = (*self.node(at, level)?).clone();
        if self.changes.fresh.contains(&at.page) {
            return Ok((at.page, node));
        }
        let page = self.new_page()?;
        self.changes.replaced.push(at.page);
        Ok((page, node))
    }

    fn new_page(&mut self) -> Result<u32, MapError> {
        let page = self.pages.alloc()?;
        self.changes.fresh.insert(page);
        Ok(page)
    }

    /// Ends the use of a page in the next state.
    fn drop_page(&mut self, at: PageRef) {
        self.changes.dirty.remove(&at.page);
        if self.changes.fresh.remove(&at.page) {
            self.pages.release(at.page);
        } else {
            self.changes.replaced.push(at.page);
        }
    }

    /// Puts a changed node into its page, and into more pages when it has grown too large for one.
    fn put_back(&mut self, page: u32, node: Node) -> Result<Parts, MapError> {
        if node.fits() {
            self.changes.dirty.insert(page, Rc::new(node));
            return Ok(vec![(Vec::new(), self.fresh_ref(page))]);
        }
        let mut parts = Vec::new();
        for (separator, part) in node.split() {
            let page = if parts.is_empty() {
                page
            } else {
                self.new_page()?
            };
            self.changes.dirty.insert(page, Rc::new(part));
            parts.push((separator, self.fresh_ref(page)));
        }
        Ok(parts)
    }
}
