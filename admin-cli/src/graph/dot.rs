//! The graph in the language of Graphviz.

use super::layout::prefix_text;
use super::{Graph, Kind, Node};
use crate::output::printable;
use chainring_protocol::message::LinkStatus;
use std::fmt::Write;

/// The graph as DOT.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph links {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", \
         fontname=\"monospace\", fillcolor=white];\n  edge [fontname=\"monospace\", fontsize=10];\n",
    );
    for id in graph.ids() {
        let node = graph.node(id);
        let mut lines = vec![node.name.to_string()];
        if !matches!(node.kind, Kind::Bucket) && node.word() != LinkStatus::Ok.as_str() {
            lines.push(node.word().to_owned());
        }
        let style = match node.kind {
            Kind::Missing | Kind::Unknown => ", style=\"rounded,dashed\"",
            _ => "",
        };
        let (stroke, fill) = colours(node);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  n{id} [label={}, color=\"{stroke}\", fillcolor=\"{fill}\"{style}];",
            quoted(&lines)
        );
    }
    for id in graph.ids() {
        let node = graph.node(id);
        let Some(next) = node.next else {
            continue;
        };
        let mut lines = node.facts().map(|f| f.says.clone()).unwrap_or_default();
        lines.extend(node.facts().and_then(prefix_text));
        let label = quoted(&lines);
        let (stroke, _) = colours(node);
        let _ = writeln!(
            out,
            "  n{id} -> n{next} [label={label}, color=\"{stroke}\"];"
        );
    }
    out.push_str("}\n");
    out
}

/// The colours of a name: of its border and of its inside.
pub(super) const fn colours(node: &Node) -> (&'static str, &'static str) {
    match &node.kind {
        Kind::Bucket => ("#1f5fa8", "#e4effb"),
        Kind::Missing => ("#b3261e", "#ffffff"),
        Kind::Unknown => ("#70757a", "#ffffff"),
        Kind::Link(facts) => status_colours(facts.status),
    }
}

/// The colours of a link.
pub(super) const fn status_colours(status: LinkStatus) -> (&'static str, &'static str) {
    match status {
        LinkStatus::Ok => ("#1e7d3c", "#e6f4ea"),
        LinkStatus::Dangling => ("#b3261e", "#fce8e6"),
        LinkStatus::Loop => ("#7b2ea6", "#f3e8fd"),
        LinkStatus::TooDeep => ("#b35900", "#fff0e0"),
        LinkStatus::Expired => ("#5f6368", "#eceff1"),
        LinkStatus::Denied => ("#8a6d00", "#fdf3d0"),
    }
}

/// Lines as a quoted string of DOT, whatever is in them.
fn quoted(lines: &[String]) -> String {
    let mut out = String::from("\"");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push_str("\\n");
        }
        for c in printable(line).chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_its_quotes() {
        let quoted =
            |lines: &[&str]| quoted(&lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>());
        assert_eq!(quoted(&["a\"b\\"]), r#""a\"b\\""#);
        assert_eq!(quoted(&["a", "b\n"]), r#""a\nb\\u{a}""#);
        assert_eq!(quoted(&[]), r#""""#);
    }
}
