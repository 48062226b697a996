//! The graph as a picture that any browser shows: one file that needs nothing else.

use super::dot::{colours, status_colours};
use super::layout::{
    Arrow, BOX_HEIGHT, BOX_MARGIN, Layout, Path, Placed, SMALL_CHAR, cells, corner, label_text,
    layout, prefix_text,
};
use super::{Graph, Kind};
use crate::output::printable;
use chainring_protocol::message::LinkStatus;
use std::borrow::Cow;
use std::fmt::Write;

const MARGIN: f64 = 28.0;
/// Height of the title and the legend.
const HEAD: f64 = 84.0;

const STYLE: &str = "\
text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace;\
font-size:11px;fill:#3c4043}\
.title{font-size:18px;font-weight:bold;fill:#202124}\
.name{font-size:13px;font-weight:bold;fill:#202124}\
.arrow{fill:none;stroke-width:1.4}";

/// Every status a link can have, in the order of the legend.
const STATUSES: [LinkStatus; 6] = [
    LinkStatus::Ok,
    LinkStatus::Dangling,
    LinkStatus::Loop,
    LinkStatus::TooDeep,
    LinkStatus::Expired,
    LinkStatus::Denied,
];

/// The graph as SVG.
pub fn svg(graph: &Graph, title: &str) -> String {
    let places = layout(graph);
    let mut picture = Picture {
        graph,
        out: String::new(),
    };
    let head = picture.head(title);
    let width = places.width.max(head) + 2.0 * MARGIN;
    let height = places.height + HEAD + 2.0 * MARGIN;
    let head = std::mem::take(&mut picture.out);
    picture.body(&places);
    let (body, mut out) = (picture.out, String::new());
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <defs>\n{}</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{head}</g>\n\
         <g transform=\"translate({MARGIN} {:.0})\">\n{body}</g>\n</svg>\n",
        escaped(title),
        arrow_heads(),
        MARGIN + HEAD,
    );
    out
}

/// One for each colour: an arrow's head does not take the colour of its line everywhere.
fn arrow_heads() -> String {
    let mut out = String::new();
    for status in STATUSES {
        let _ = writeln!(
            out,
            "<marker id=\"to-{}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path d=\"M0 1L10 5L0 9z\" fill=\"{}\"/></marker>",
            status.as_str(),
            status_colours(status).0,
        );
    }
    out
}

struct Picture<'g> {
    graph: &'g Graph,
    out: String,
}

impl Picture<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    /// The title and the legend; returns their width.
    fn head(&mut self, title: &str) -> f64 {
        let summary = self.graph.summary();
        self.put(format_args!(
            "<text class=\"title\" x=\"0\" y=\"18\">{}</text>\n<text x=\"0\" y=\"40\">{summary}</text>",
            escaped(title)
        ));
        let links = STATUSES.map(|status| {
            let (stroke, fill) = status_colours(status);
            let word = match status {
                LinkStatus::Ok => "link",
                other => other.as_str(),
            };
            (stroke, fill, word, false)
        });
        let others = [
            ("#1f5fa8", "#e4effb", "bucket", false),
            ("#b3261e", "#ffffff", "missing", true),
            ("#70757a", "#ffffff", "unknown", true),
        ];
        let mut x = 0.0;
        for (stroke, fill, word, dashed) in links.into_iter().chain(others) {
            let dashes = if dashed { DASHES } else { "" };
            self.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"54\" width=\"18\" height=\"12\" rx=\"3\" fill=\"{fill}\" \
                 stroke=\"{stroke}\"{dashes}/><text x=\"{:.1}\" y=\"64\">{word}</text>",
                x + 24.0
            ));
            x += 24.0 + cells(word) * SMALL_CHAR + 22.0;
        }
        x.max(cells(title) * 11.5)
    }

    fn body(&mut self, places: &Layout) {
        for arrow in &places.arrows {
            self.arrow(arrow);
        }
        for placed in &places.boxes {
            self.name(placed);
        }
    }

    fn arrow(&mut self, arrow: &Arrow) {
        let node = self.graph.node(arrow.id);
        let Some(facts) = node.facts() else {
            return;
        };
        let (stroke, _) = status_colours(facts.status);
        let path = match arrow.path {
            Path::Ahead { from, bend, to } => {
                let middle = f64::midpoint(bend, to.0);
                format!(
                    "M{:.1} {:.1}H{bend:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}",
                    from.0, from.1, from.1, to.1, to.0, to.1
                )
            }
            Path::Back { from, bottom, to } => format!(
                "M{:.1} {:.1}h8q6 0 6 6V{:.1}q0 6 -6 6H{:.1}q-6 0 -6 -6V{:.1}q0 -6 6 -6H{:.1}",
                from.0,
                from.1,
                bottom - 6.0,
                to.0 - 10.0,
                to.1 + 6.0,
                to.0
            ),
        };
        self.put(format_args!(
            "<path class=\"arrow\" d=\"{path}\" stroke=\"{stroke}\" marker-end=\"url(#to-{})\"/>",
            facts.status.as_str()
        ));
        let (x, y) = arrow.label;
        let says = label_text(facts);
        if !says.is_empty() {
            let (y, says) = (y - 5.0, escaped(&says));
            self.put(format_args!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\">{says}</text>"
            ));
        }
        if let Some(prefix) = prefix_text(facts) {
            let (y, prefix) = (y + 13.0, escaped(&prefix));
            self.put(format_args!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\">{prefix}</text>"
            ));
        }
    }

    fn name(&mut self, placed: &Placed) {
        let node = self.graph.node(placed.id);
        let (stroke, fill) = colours(node);
        let dashes = match node.kind {
            Kind::Missing | Kind::Unknown => DASHES,
            Kind::Bucket | Kind::Link(_) => "",
        };
        let (volume, bucket) = (
            escaped(&printable(&node.name.volume)).into_owned(),
            escaped(&printable(&node.name.bucket)).into_owned(),
        );
        let Placed { x, y, width, .. } = *placed;
        let top = y - BOX_HEIGHT / 2.0;
        let (left, right) = (x + BOX_MARGIN, x + width - BOX_MARGIN);
        let corner = corner(self.graph, placed.id, placed.piece);
        self.put(format_args!(
            "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
             height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"{stroke}\"{dashes}/>\
             <text x=\"{left:.1}\" y=\"{:.1}\">/{volume}/</text>\
             <text x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\" style=\"fill:{stroke}\">{corner}</text>\
             <text class=\"name\" x=\"{left:.1}\" y=\"{:.1}\">{bucket}</text></g>",
            escaped(&self.hint(placed)),
            top + 15.0,
            top + 15.0,
            top + 32.0,
        ));
    }

    /// What is shown to whoever points at a box.
    fn hint(&self, placed: &Placed) -> String {
        let node = self.graph.node(placed.id);
        let mut text = format!("{}: {}", node.name, node.word());
        if let Some(facts) = node.facts() {
            if let Some(next) = node.next {
                let _ = write!(text, "\nshows {}", self.graph.node(next).name);
            }
            for says in &facts.says {
                let _ = write!(text, "\n{says}");
            }
            if let Some(prefix) = &facts.prefix {
                let _ = write!(text, "\nprefix {}", printable(prefix));
            }
            let owner = printable(&facts.owner);
            let _ = write!(text, "\nowner {owner}, generation {}", facts.generation);
        }
        text
    }
}

const DASHES: &str = " stroke-dasharray=\"5 3\"";

/// The text as XML, whatever is in it.
fn escaped(text: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || !is_xml(c);
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if !is_xml(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Whether XML 1.0 has that character at all.
const fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<a b=\"c\">&'"),
            "&lt;a b=&quot;c&quot;&gt;&amp;&#39;"
        );
        assert_eq!(escaped("\u{1b}\u{ffff}ä"), "\u{fffd}\u{fffd}ä");
    }
}
