//! Inner nodes: separators and the slots of the children between them.

use super::entries::{Entries, Splice};
use super::packed::Packed;
use super::publish::{InnerSlot, LeafSlot, Pin, Slot};
use super::{FANOUT_MAX, SEPARATORS_BYTES_MAX};
use std::ops::Range;

/// An inner node. Child `i` holds the keys from separator `i - 1` (inclusive) to separator `i`
/// (exclusive). The node itself never changes, but what a child's slot points to does.
pub struct Inner {
    separators: Box<[u8]>,
    children: Children,
}

/// Children are all of one kind: every leaf is equally deep.
pub enum Children {
    Leaves(Box<[LeafSlot]>),
    Inners(Box<[InnerSlot]>),
}

impl Children {
    pub fn len(&self) -> usize {
        match self {
            Self::Leaves(slots) => slots.len(),
            Self::Inners(slots) => slots.len(),
        }
    }

    /// The children in `range`, which is within bounds.
    pub fn run(&self, range: Range<usize>, pin: &Pin) -> Self {
        match self {
            Self::Leaves(slots) => Self::Leaves(copies(&[within(slots, range)], pin)),
            Self::Inners(slots) => Self::Inners(copies(&[within(slots, range)], pin)),
        }
    }

    /// These children with those in `range` replaced by `new`, which are of the same kind.
    pub fn replaced(&self, range: Range<usize>, new: &Self, pin: &Pin) -> Self {
        let (before, after) = (0..range.start, range.end..self.len());
        match (self, new) {
            (Self::Leaves(old), Self::Leaves(new)) => {
                let runs = [within(old, before), new, within(old, after)];
                Self::Leaves(copies(&runs, pin))
            }
            (Self::Inners(old), Self::Inners(new)) => {
                let runs = [within(old, before), new, within(old, after)];
                Self::Inners(copies(&runs, pin))
            }
            _ => unreachable!("all children of a level are of one kind"),
        }
    }
}

fn within<S>(slots: &[S], range: Range<usize>) -> &[S] {
    slots.get(range).expect("a run is within the children")
}

fn copies<S: Slot>(runs: &[&[S]], pin: &Pin) -> Box<[S]> {
    let mut slots = Vec::with_capacity(runs.iter().map(|run| run.len()).sum());
    for run in runs {
        slots.extend(run.iter().map(|slot| slot.copy(pin)));
    }
    slots.into()
}

/// Children and the separators between them, to become one inner node or several.
pub struct Level {
    /// One fewer than children.
    pub separators: Entries,
    pub children: Children,
}

impl Level {
    /// Builds inner nodes of at most the allowed size, and the separators between them.
    pub fn build(self, pin: &Pin) -> (Vec<Inner>, Entries) {
        let count = self.children.len();
        let mut open = Vec::new();
        open.push(0..count);
        let mut inners = Vec::new();
        let mut between = Entries::default();
        while let Some(run) = open.pop() {
            let seps = run.start..run.end.saturating_sub(1).max(run.start);
            let fits = run.len() <= FANOUT_MAX
                && self.separators.packed_len(seps.clone()) <= SEPARATORS_BYTES_MAX;
            if !fits && run.len() > 2 {
                let middle = run.start.midpoint(run.end);
                open.push(middle..run.end);
                open.push(run.start..middle);
                continue;
            }
            if run.start > 0 {
                between.push(self.separators.key(run.start - 1), b"");
            }
            let mut packed = Vec::new();
            self.separators.pack(seps, &mut packed);
            inners.push(Inner {
                separators: packed.into(),
                children: self.children.run(run, pin),
            });
        }
        (inners, between)
    }
}

impl Inner {
    pub fn separators(&self) -> Packed<'_> {
        Packed::new(&self.separators)
    }

    pub fn children(&self) -> &Children {
        &self.children
    }

    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// What this node becomes, one node or several, with the children in `range` replaced by `new`,
    /// and the separators between them. A child replaced by none leaves its range to the one before
    /// it, or after it when it is the first.
    pub fn replaced(&self, range: Range<usize>, new: &Level, pin: &Pin) -> (Vec<Self>, Entries) {
        let old = self.separators();
        let removed = if new.children.len() > 0 {
            range.start..range.end - 1
        } else {
            let first = range.start.saturating_sub(1);
            first..first + range.len()
        };
        let children = self.children.replaced(range, &new.children, pin);
        if children.len() <= FANOUT_MAX
            && let Some(separators) = spliced(old, removed.clone(), &new.separators)
        {
            let node = Self {
                separators,
                children,
            };
            return (vec![node], Entries::default());
        }
        let mut separators = Entries::default();
        separators.push_all(old, 0..removed.start);
        separators.append(&new.separators);
        separators.push_all(old, removed.end..old.len());
        let level = Level {
            separators,
            children,
        };
        level.build(pin)
    }

    /// The child whose range `key` is in.
    pub fn position(&self, key: &[u8]) -> usize {
        match self.separators().find(key) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }

    /// The children when they are leaves, otherwise none.
    pub fn leaves(&self) -> &[LeafSlot] {
        match &self.children {
            Children::Leaves(slots) => slots,
            Children::Inners(_) => &[],
        }
    }

    /// The children when they are inner nodes, otherwise none.
    pub fn inners(&self) -> &[InnerSlot] {
        match &self.children {
            Children::Leaves(_) => &[],
            Children::Inners(slots) => slots,
        }
    }

    /// The leaf at `at`.
    ///
    /// # Panics
    /// When the children are not leaves, or `at` is beyond them.
    pub fn leaf(&self, at: usize) -> &LeafSlot {
        self.leaves().get(at).expect("a leaf at this position")
    }

    /// The inner node at `at`.
    ///
    /// # Panics
    /// When the children are not inner nodes, or `at` is beyond them.
    pub fn inner(&self, at: usize) -> &InnerSlot {
        self.inners().get(at).expect("a node at this position")
    }

    /// Bytes of memory the node takes, without its children.
    pub fn byte_len(&self) -> usize {
        size_of::<Self>() + self.separators.len() + self.len() * size_of::<usize>()
    }
}

/// `old` with those in `range` replaced by `new`, when that can be done without unpacking them: one
/// leaf became two, or two became one, and no prefix changes.
fn spliced(old: Packed<'_>, range: Range<usize>, new: &Entries) -> Option<Box<[u8]>> {
    let new = match new.len() {
        0 if range.len() == 1 => None,
        1 if range.is_empty() => Some((new.key(0), &[][..])),
        _ => return None,
    };
    let splice = Splice::of(old, range, new)?;
    let len = splice.byte_len();
    let mut packed = Vec::with_capacity(len);
    (len <= SEPARATORS_BYTES_MAX).then(|| splice.write(&mut packed))?;
    Some(packed.into())
}
