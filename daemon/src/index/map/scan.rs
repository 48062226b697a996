//! Walks entries in order, over pages that are checked completely.

use super::Visit;
use super::error::MapError;
use super::find::Root;
use super::layout::PageRef;
use super::node::Node;
use std::rc::Rc;

/// Where nodes come from: the map alone, or the writer's changes over it.
pub(super) trait Nodes {
    fn node(&self, at: PageRef, level: u8) -> Result<Rc<Node>, MapError>;
}

/// Calls `visit` for the entries from `from` on, in order, until it breaks.
pub(super) fn scan(
    nodes: &impl Nodes,
    root: Root,
    from: &[u8],
    visit: &mut Visit<'_>,
) -> Result<(), MapError> {
    // The way down, each node with the index of the next child to enter.
    let mut way: Vec<(Rc<Node>, usize)> = Vec::new();
    let mut here = nodes.node(root.at, root.level)?;
    loop {
        while here.level() > 0 {
            let index = here.child_index(from);
            let child = nodes.node(here.child(index), here.level() - 1)?;
            way.push((std::mem::replace(&mut here, child), index + 1));
        }
        let start = here.find(from).unwrap_or_else(|index| index);
        for (key, value) in here.iter().skip(start) {
            if visit(key, value).is_break() {
                return Ok(());
            }
        }
        here = loop {
            let Some((node, next)) = way.last_mut() else {
                return Ok(());
            };
            if *next < node.len() {
                let child = nodes.node(node.child(*next), node.level() - 1)?;
                *next += 1;
                break child;
            }
            way.pop();
        };
    }
}
