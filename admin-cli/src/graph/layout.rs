//! Where everything goes. A tree stands with its bucket on the right and a column for every step away
//! from it, so that no arrow crosses another. A large tree is cut, with its bucket drawn once for each
//! piece; the pieces are laid one below the other in columns until the picture is about as wide as a
//! screen.

use super::{Facts, Graph, Id};
use crate::output::printable;
use std::collections::BTreeSet;

/// Width of a character at the size of names; no common monospaced font has a wider one.
pub(super) const NAME_CHAR: f64 = 8.0;
/// The same at the size of what is written smaller.
pub(super) const SMALL_CHAR: f64 = 6.8;
/// Height of a box.
pub(super) const BOX_HEIGHT: f64 = 40.0;
/// Room between a box's border and its text.
pub(super) const BOX_MARGIN: f64 = 10.0;
/// Room around what is written along an arrow.
pub(super) const LABEL_MARGIN: f64 = 8.0;
/// From one row to the next.
const ROW_HEIGHT: f64 = 54.0;
/// Rows of a piece of a tree.
const ROWS_MAX: usize = 20;
/// The least that an arrow needs to bend.
const BEND_MIN: f64 = 48.0;
const BEND_MAX: f64 = 140.0;
/// How far the arrow that closes a loop stays away.
const LOOP_ROOM: f64 = 20.0;
const BETWEEN_BLOCKS: f64 = 18.0;
const BETWEEN_COLUMNS: f64 = 70.0;
/// Width to height.
const ASPECT: f64 = 1.6;
/// Characters of a prefix that are shown.
const PREFIX_CHARS_MAX: usize = 40;

/// The whole picture.
pub(super) struct Layout {
    pub(super) boxes: Vec<Placed>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A name's box; `y` is its middle.
#[derive(Clone)]
pub(super) struct Placed {
    pub(super) id: Id,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    /// Which piece of a tree that was cut, and of how many.
    pub(super) piece: Option<(usize, usize)>,
}

/// A link's arrow.
pub(super) struct Arrow {
    pub(super) id: Id,
    pub(super) path: Path,
    /// Where what it says begins, and the line above which the first part of it stands.
    pub(super) label: (f64, f64),
}

/// How an arrow runs.
pub(super) enum Path {
    /// Straight to `bend`, then in a curve.
    Ahead {
        from: (f64, f64),
        bend: f64,
        to: (f64, f64),
    },
    /// Down, below everything at `bottom`, and up again: it closes a loop.
    Back {
        from: (f64, f64),
        bottom: f64,
        to: (f64, f64),
    },
}

/// A piece of a tree, with places of its own.
struct Block {
    boxes: Vec<Placed>,
    arrows: Vec<Arrow>,
    width: f64,
    height: f64,
}

/// Cells of a text in a monospaced font. What is not ASCII may take two.
pub(super) fn cells(text: &str) -> f64 {
    let cells: u32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    f64::from(cells)
}

/// What stands below an arrow.
pub(super) fn prefix_text(facts: &Facts) -> Option<String> {
    let prefix = facts.prefix.as_ref()?;
    let shown = printable(prefix);
    let mut text: String = shown.chars().take(PREFIX_CHARS_MAX).collect();
    if text.len() < shown.len() {
        text.push('…');
    }
    Some(format!("prefix {text}"))
}

/// What stands above an arrow.
pub(super) fn label_text(facts: &Facts) -> String {
    facts.says.join(", ")
}

/// Trees with the links that lead to each name.
struct Forest<'g> {
    graph: &'g Graph,
    /// By name: the links to it, without the one that closes a loop.
    before: Vec<Vec<Id>>,
    /// The ends: names that lead nowhere, and one of each loop.
    ends: Vec<Id>,
    /// Rows that a name and what leads to it take.
    rows: Vec<usize>,
}

impl<'g> Forest<'g> {
    fn new(graph: &'g Graph) -> Self {
        let closing = closing(graph);
        let mut before = vec![Vec::new(); graph.ids().len()];
        let mut ends = Vec::new();
        for id in graph.ids() {
            match graph.node(id).next.filter(|_| !closing.contains(&id)) {
                Some(next) => before.get_mut(next).into_iter().for_each(|b| b.push(id)),
                None => ends.push(id),
            }
        }
        let rows = vec![1; graph.ids().len()];
        let mut forest = Self {
            graph,
            before,
            ends,
            rows,
        };
        let mut order = Vec::new();
        for &end in &forest.ends {
            order.extend(forest.below(end));
        }
        for &(id, _) in order.iter().rev() {
            let sum = forest.before(id).iter().map(|&id| forest.rows(id)).sum();
            if let Some(rows) = forest.rows.get_mut(id) {
                *rows = usize::max(sum, 1);
            }
        }
        forest
    }

    fn before(&self, id: Id) -> &[Id] {
        self.before.get(id).map_or(&[], Vec::as_slice)
    }

    fn rows(&self, id: Id) -> usize {
        self.rows.get(id).copied().unwrap_or(1)
    }

    /// A name and all that leads to it, each with its distance, nearest first.
    fn below(&self, id: Id) -> Vec<(Id, usize)> {
        let mut found = vec![(id, 0)];
        let mut at = 0;
        while let Some(&(id, depth)) = found.get(at) {
            found.extend(self.before(id).iter().map(|&id| (id, depth + 1)));
            at += 1;
        }
        found
    }
}

/// Of each loop the link at which it is cut: the first by name.
fn closing(graph: &Graph) -> BTreeSet<Id> {
    let mut closing = BTreeSet::new();
    // By name: the walk that came by first.
    let mut walks: Vec<Option<Id>> = vec![None; graph.ids().len()];
    for start in graph.ids() {
        let mut at = start;
        while let Some(walk) = walks.get_mut(at) {
            match walk {
                Some(walk) if *walk == start => {
                    // The first name of the loop, from anywhere in it.
                    let (mut first, mut next) = (at, graph.node(at).next);
                    while let Some(id) = next.filter(|&id| id != at) {
                        first = first.min(id);
                        next = graph.node(id).next;
                    }
                    closing.insert(first);
                    break;
                }
                Some(_) => break,
                None => *walk = Some(start),
            }
            match graph.node(at).next {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    closing
}

/// Lays the graph out.
pub(super) fn layout(graph: &Graph) -> Layout {
    let forest = Forest::new(graph);
    let mut blocks = Vec::new();
    for &end in &forest.ends {
        let pieces = pieces(&forest, end);
        let count = pieces.len();
        for (number, piece) in pieces.iter().enumerate() {
            let part = (count > 1).then_some((number + 1, count));
            blocks.push(block(&forest, end, piece, part));
        }
    }
    pack(blocks)
}

/// The links to `end`, in pieces of not too many rows.
fn pieces(forest: &Forest<'_>, end: Id) -> Vec<Vec<Id>> {
    let mut pieces = Vec::new();
    let (mut piece, mut rows) = (Vec::new(), 0);
    for &id in forest.before(end) {
        if rows > 0 && rows + forest.rows(id) > ROWS_MAX {
            pieces.push(std::mem::take(&mut piece));
            rows = 0;
        }
        piece.push(id);
        rows += forest.rows(id);
    }
    pieces.push(piece);
    pieces
}

/// What a column of a block needs, and where it is.
#[derive(Clone, Default)]
struct Column {
    width: f64,
    label: f64,
    x: f64,
    /// Where the arrows out of it begin to bend.
    bend: f64,
}

fn block(forest: &Forest<'_>, end: Id, piece: &[Id], part: Option<(usize, usize)>) -> Block {
    let graph = forest.graph;
    let mut members = vec![(end, 0)];
    for &id in piece {
        let below = forest.below(id);
        members.extend(below.into_iter().map(|(id, depth)| (id, depth + 1)));
    }
    let (columns, mut width) = columns(forest, &members, part);
    let column = |depth: usize| columns.get(depth).cloned().unwrap_or_default();

    // Down the tree: each name in the middle of the rows of what leads to it.
    let mut boxes: Vec<Placed> = Vec::with_capacity(members.len());
    let mut arrows = Vec::new();
    let all_rows = usize::max(piece.iter().map(|&id| forest.rows(id)).sum(), 1);
    let mut height = all_rows as f64 * ROW_HEIGHT;
    let mut todo = vec![(end, 0, 0, None)];
    while let Some((id, depth, top, target)) = todo.pop() {
        let rows = if depth == 0 {
            all_rows
        } else {
            forest.rows(id)
        };
        let y = (top as f64 + rows as f64 / 2.0) * ROW_HEIGHT;
        let Column { x, width, bend, .. } = column(depth);
        boxes.push(Placed {
            id,
            x,
            y,
            width,
            piece: part.filter(|_| depth == 0),
        });
        if let Some(to) = target {
            let from = (x + width, y);
            let path = Path::Ahead { from, bend, to };
            let label = (from.0 + LABEL_MARGIN, y);
            arrows.push(Arrow { id, path, label });
        }
        let before = if depth == 0 { piece } else { forest.before(id) };
        let mut top = top;
        for &id in before {
            todo.push((id, depth + 1, top, Some((x, y))));
            top += forest.rows(id);
        }
    }

    // The arrow that closes a loop goes around below.
    let closes = graph
        .node(end)
        .next
        .filter(|_| part.is_none_or(|(number, _)| number == 1));
    let place = |id: Id| boxes.iter().find(|placed| placed.id == id);
    if let Some((from, to)) = place(end).zip(closes.and_then(place)) {
        let bottom = height + 3.0;
        let (right, left) = (from.x + from.width, to.x);
        let facts = graph.node(end).facts();
        let label = facts.map_or(0.0, label_width);
        arrows.push(Arrow {
            id: end,
            path: Path::Back {
                from: (right, from.y),
                bottom,
                to: (left, to.y),
            },
            label: (left.max(0.0), bottom),
        });
        height = bottom + LOOP_ROOM / 2.0;
        width = width.max(left + label) + LOOP_ROOM;
    }
    Block {
        boxes,
        arrows,
        width,
        height,
    }
}

/// The columns of a block by distance from its end, and the width of all.
fn columns(
    forest: &Forest<'_>,
    members: &[(Id, usize)],
    part: Option<(usize, usize)>,
) -> (Vec<Column>, f64) {
    let deepest = members.iter().map(|&(_, depth)| depth).max().unwrap_or(0);
    let mut columns = vec![Column::default(); deepest + 1];
    let mut counts = vec![0_u32; deepest + 1];
    for &(id, depth) in members {
        let node = forest.graph.node(id);
        if let Some(column) = columns.get_mut(depth) {
            let part = part.filter(|_| depth == 0);
            column.width = column.width.max(box_width(forest.graph, id, part));
            let label = node.facts().map_or(0.0, label_width);
            column.label = column.label.max(label);
        }
        counts
            .get_mut(depth)
            .into_iter()
            .for_each(|count| *count += 1);
    }
    // From left to right, that is from the farthest to the end. On the left there is room for the
    // arrow that closes a loop.
    let mut x = if forest
        .graph
        .node(members.first().map_or(0, |m| m.0))
        .next
        .is_some()
    {
        LOOP_ROOM
    } else {
        0.0
    };
    for (column, count) in columns.iter_mut().zip(&counts).rev() {
        column.x = x;
        column.bend = x + column.width + column.label;
        // The more arrows come together, the more room they get.
        x = column.bend + (f64::from(*count) * 6.0).clamp(BEND_MIN, BEND_MAX);
    }
    let width = columns.first().map_or(0.0, |end| end.x + end.width);
    (columns, width)
}

/// The word beside a volume's name in a box.
pub(super) fn corner(graph: &Graph, id: Id, piece: Option<(usize, usize)>) -> String {
    match piece {
        Some((number, count)) => format!("{number} of {count}"),
        None => graph.node(id).word().to_owned(),
    }
}

fn box_width(graph: &Graph, id: Id, piece: Option<(usize, usize)>) -> f64 {
    let name = &graph.node(id).name;
    let corner = corner(graph, id, piece);
    let top = (cells(&printable(&name.volume)) + cells(&corner) + 4.0) * SMALL_CHAR;
    let bottom = cells(&printable(&name.bucket)) * NAME_CHAR;
    top.max(bottom) + 2.0 * BOX_MARGIN
}

fn label_width(facts: &Facts) -> f64 {
    let below = prefix_text(facts).map_or(0.0, |text| cells(&text));
    let most = cells(&label_text(facts)).max(below);
    if most == 0.0 {
        0.0
    } else {
        most * SMALL_CHAR + 2.0 * LABEL_MARGIN
    }
}

/// Puts the blocks below each other, in as many columns as make a picture of good shape.
fn pack(blocks: Vec<Block>) -> Layout {
    let area: f64 = blocks
        .iter()
        .map(|block| (block.width + BETWEEN_COLUMNS) * (block.height + BETWEEN_BLOCKS))
        .sum();
    let highest = blocks.iter().map(|block| block.height).fold(0.0, f64::max);
    let limit = (area / ASPECT).sqrt().max(highest);
    let mut layout = Layout {
        boxes: Vec::new(),
        arrows: Vec::new(),
        width: 0.0,
        height: 0.0,
    };
    let (mut x, mut y, mut column) = (0.0, 0.0, 0.0_f64);
    for mut block in blocks {
        if y > 0.0 && y + block.height > limit {
            x += column + BETWEEN_COLUMNS;
            (y, column) = (0.0, 0.0);
        }
        for placed in &mut block.boxes {
            placed.x += x;
            placed.y += y;
        }
        for arrow in &mut block.arrows {
            arrow.shift(x, y);
        }
        layout.boxes.append(&mut block.boxes);
        layout.arrows.append(&mut block.arrows);
        column = column.max(block.width);
        layout.width = layout.width.max(x + block.width);
        layout.height = layout.height.max(y + block.height);
        y += block.height + BETWEEN_BLOCKS;
    }
    layout
}

impl Arrow {
    fn shift(&mut self, x: f64, y: f64) {
        let by = |point: &mut (f64, f64)| {
            point.0 += x;
            point.1 += y;
        };
        match &mut self.path {
            Path::Ahead { from, bend, to } => {
                by(from);
                by(to);
                *bend += x;
            }
            Path::Back { from, bottom, to } => {
                by(from);
                by(to);
                *bottom += y;
            }
        }
        by(&mut self.label);
    }
}
