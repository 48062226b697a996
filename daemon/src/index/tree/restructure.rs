//! Changes to the shape of the tree: replacing the children of inner nodes, splitting and merging
//! these, growing and lowering the tree. Every change is published with a single store.

use super::FANOUT_MAX;
use super::entries::Entries;
use super::node::{Children, Inner, Level};
use super::publish::{Filling, InnerSlot, LeafSlot, Pin, Retired};
use super::read::Shared;
use std::ops::Range;

/// What the writer knows of the tree's shape.
pub struct Shape {
    /// Levels of inner nodes above the bottom one.
    pub height: usize,
    /// Bytes of all nodes.
    pub bytes: usize,
}

impl Shape {
    /// Publishes a leaf of `len` bytes in place of the one of `slot`, which has the same range.
    pub fn replace_leaf(
        &mut self,
        slot: &LeafSlot,
        len: usize,
        write: impl FnOnce(&mut Filling<'_>),
        pin: &Pin,
    ) {
        self.bytes += len;
        self.bytes -= slot.bytes(pin).len();
        slot.replace(len, write, pin);
    }

    /// Replaces the leaves in `range` of the bottom node on the way to `key`.
    pub fn replace_leaves(
        &mut self,
        shared: &Shared,
        key: &[u8],
        range: Range<usize>,
        new: Level,
        pin: &Pin,
    ) {
        let (slot, _) = self.node(shared, key, 0, pin);
        let mut retired = Retired::default();
        for slot in slot
            .load(pin)
            .leaves()
            .get(range.clone())
            .unwrap_or_default()
        {
            retired.leaf(slot, pin);
        }
        if let Children::Leaves(leaves) = &new.children {
            self.bytes += leaves.iter().map(|slot| slot.byte_len(pin)).sum::<usize>();
        }
        self.replace(shared, key, 0, range, new, retired, pin);
    }

    /// Removes the leaf whose range `key` is in, with its slot; its range falls to a neighbour.
    /// Returns false, having done nothing, when it is the only leaf.
    pub fn drop_leaf(&mut self, shared: &Shared, key: &[u8], pin: &Pin) -> bool {
        // The lowest node on the way that keeps another child.
        let node = |level| self.node(shared, key, level, pin).0.load(pin);
        let Some(level) = (0..=self.height).find(|level| node(*level).len() > 1) else {
            return false;
        };
        let mut retired = Retired::default();
        for below in 0..level {
            retired.inner(self.node(shared, key, below, pin).0, pin);
        }
        let (bottom, at) = shared.bottom(key, pin, None);
        retired.leaf(bottom.leaf(at), pin);
        let at = node(level).position(key);
        let none = Level {
            separators: Entries::default(),
            children: node(level).children().run(0..0, pin),
        };
        self.replace(shared, key, level, at..at + 1, none, retired, pin);
        true
    }

    /// The slot of the node of `level` (0 is the bottom) whose range `key` is in, and its position
    /// in its parent.
    fn node<'s>(
        &self,
        shared: &'s Shared,
        key: &[u8],
        level: usize,
        pin: &'s Pin,
    ) -> (&'s InnerSlot, usize) {
        let mut slot = &shared.root;
        let mut position = 0;
        for _ in level..self.height {
            let node = slot.load(pin);
            position = node.position(key);
            slot = node.inner(position);
        }
        (slot, position)
    }

    /// Replaces the children in `range` of the node of `level` on the way to `key`: copies that
    /// node and, as far as it is split, the nodes above it. `retired` has what becomes unreachable
    /// below that node.
    #[expect(clippy::too_many_arguments, reason = "one private function")]
    fn replace<'p>(
        &mut self,
        shared: &Shared,
        key: &[u8],
        level: usize,
        range: Range<usize>,
        new: Level,
        mut retired: Retired<'p>,
        pin: &'p Pin,
    ) {
        let (mut level, mut range, mut new) = (level, range, new);
        loop {
            let (slot, position) = self.node(shared, key, level, pin);
            let old = slot.load(pin);
            retired.inner(slot, pin);
            let (nodes, separators) = old.replaced(range, &new, pin);
            self.bytes += nodes.iter().map(Inner::byte_len).sum::<usize>();
            let mut nodes: Vec<_> = nodes.into_iter().map(InnerSlot::new).collect();
            if let [node] = nodes.as_mut_slice() {
                slot.store(node, pin);
                break;
            }
            new = Level {
                separators,
                children: Children::Inners(nodes.into()),
            };
            if level == self.height {
                self.height += 1;
                let root = self.root_above(new, pin);
                shared.root.store(&InnerSlot::new(root), pin);
                break;
            }
            range = position..position + 1;
            level += 1;
        }
        self.bytes -= retired.bytes();
        retired.free(pin);
        self.tidy(shared, key, level, pin);
    }

    /// Builds nodes above `level` until there is a single one, the root.
    pub fn root_above(&mut self, level: Level, pin: &Pin) -> Inner {
        let mut level = level;
        loop {
            let (mut nodes, separators) = level.build(pin);
            self.bytes += nodes.iter().map(Inner::byte_len).sum::<usize>();
            if nodes.len() == 1 {
                return nodes.remove(0);
            }
            self.height += 1;
            level = Level {
                separators,
                children: Children::Inners(nodes.into_iter().map(InnerSlot::new).collect()),
            };
        }
    }

    /// When the node of `level` on the way to `key` has few children: merges it with a neighbour.
    /// When it is the root and has a single child: makes that the root.
    fn tidy(&mut self, shared: &Shared, key: &[u8], level: usize, pin: &Pin) {
        if level < self.height {
            let (slot, at) = self.node(shared, key, level, pin);
            if slot.load(pin).len() < FANOUT_MAX / 4 {
                self.merge(shared, key, level, at, pin);
            }
            return;
        }
        while let [only] = shared.root.load(pin).inners() {
            let mut retired = Retired::default();
            retired.inner(&shared.root, pin);
            shared.root.store(only, pin);
            self.height -= 1;
            self.bytes -= retired.bytes();
            retired.free(pin);
        }
    }

    /// Merges the node of `level` on the way to `key`, at `at` in its parent, with a neighbour.
    fn merge(&mut self, shared: &Shared, key: &[u8], level: usize, at: usize, pin: &Pin) {
        let parent = self.node(shared, key, level + 1, pin).0.load(pin);
        let len = |at: usize| parent.inners().get(at).map(|slot| slot.load(pin).len());
        let small = |left: usize| {
            let len = len(left)? + len(left + 1)?;
            (len <= FANOUT_MAX / 4 * 3).then_some(left)
        };
        let Some(left) = at.checked_sub(1).and_then(small).or_else(|| small(at)) else {
            return;
        };
        let (a, b) = (
            parent.inner(left).load(pin),
            parent.inner(left + 1).load(pin),
        );
        let mut separators = Entries::default();
        separators.push_all(a.separators(), 0..a.separators().len());
        separators.push_all(parent.separators(), left..left + 1);
        separators.push_all(b.separators(), 0..b.separators().len());
        let both = Level {
            separators,
            children: a.children().replaced(a.len()..a.len(), b.children(), pin),
        };
        let (mut merged, none) = both.build(pin);
        if merged.len() > 1 {
            return; // Their separators are too long for one node.
        }
        let merged = merged.remove(0);
        self.bytes += merged.byte_len();
        let mut retired = Retired::default();
        retired.inner(parent.inner(left), pin);
        retired.inner(parent.inner(left + 1), pin);
        let new = Level {
            separators: none,
            children: Children::Inners([InnerSlot::new(merged)].into()),
        };
        self.replace(shared, key, level + 1, left..left + 2, new, retired, pin);
    }
}
