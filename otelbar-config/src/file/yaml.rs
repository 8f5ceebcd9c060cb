//! A YAML document as a tree that knows the place of everything in it.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use super::substitute::substitute;
use crate::environment::Environment;
use crate::warning::Position;

/// Deeper than any configuration, and shallow enough to walk through.
const DEEPEST: usize = 64;
/// How many bytes all references to the environment give at most: each may stand for much more than it takes to write.
const ROOM: usize = 4 << 20;
const TOO_DEEP: &str = "it is nested too deeply";

pub(super) struct Node {
    pub(super) position: Position,
    pub(super) kind: Kind,
    /// How deep it is nested inside, aliases followed.
    depth: usize,
}

impl Node {
    pub(super) fn null(position: Position) -> Self {
        Node { position, kind: Kind::Null, depth: 0 }
    }
}

pub(super) enum Kind {
    /// Nothing, or an empty text, which is the same to an option.
    Null,
    Scalar(String),
    List(Vec<Rc<Node>>),
    /// Keys are unique.
    Map(Vec<(Key, Rc<Node>)>),
}

pub(super) struct Key {
    pub(super) name: String,
    pub(super) position: Position,
}

/// What is wrong with the text, and where.
pub(super) struct SyntaxError {
    pub(super) position: Position,
    pub(super) problem: String,
}

/// Reads the one document of `text`, with references to the environment replaced in its values.
pub(super) fn parse(text: &str, environment: &dyn Environment) -> Result<Rc<Node>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut tree = Tree { environment, room: ROOM, anchors: HashMap::new(), open: Vec::new(), root: None };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| SyntaxError {
            position: position(error.marker()),
            problem: error.info().to_owned(),
        })?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                return Err(syntax(position(&span.start), "there is a second document"));
            }
        }
        tree.receive(event, position(&span.start))?;
    }
    Ok(tree.root.unwrap_or_else(|| Rc::new(Node::null(START))))
}

const START: Position = Position { line: 1, column: 1 };

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn syntax(position: Position, problem: impl Into<String>) -> SyntaxError {
    SyntaxError { position, problem: problem.into() }
}

/// A tree that is being built from events.
struct Tree<'a> {
    environment: &'a dyn Environment,
    /// How many bytes references to it may still give.
    room: usize,
    /// Nodes that aliases refer to. They are shared, so that no alias multiplies what it stands for.
    anchors: HashMap<usize, Rc<Node>>,
    open: Vec<Open>,
    root: Option<Rc<Node>>,
}

/// A list or map that is not yet closed.
struct Open {
    position: Position,
    anchor: usize,
    items: Items,
}

enum Items {
    List(Vec<Rc<Node>>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    pairs: Vec<(Key, Rc<Node>)>,
    /// Those of the pairs, and the one that waits.
    names: HashSet<String>,
    /// The key that waits for its value, if one does.
    key: Option<Key>,
}

impl Tree<'_> {
    fn receive(&mut self, event: Event<'_>, position: Position) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                if let Some(Open { items: Items::Map(map), .. }) = self.open.last_mut()
                    && map.key.is_none()
                {
                    let name = text.into_owned();
                    if !map.names.insert(name.clone()) {
                        return Err(syntax(position, "the same key is given twice"));
                    }
                    map.key = Some(Key { name, position });
                    return Ok(());
                }
                let text = substitute(&text, self.environment, &mut self.room)
                    .map_err(|problem| syntax(position, problem))?;
                let null = text.is_empty()
                    || style == ScalarStyle::Plain && matches!(&*text, "~" | "null" | "Null" | "NULL");
                let kind = if null { Kind::Null } else { Kind::Scalar(text) };
                self.place(Node { position, kind, depth: 0 }, anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = Rc::clone(node);
                    if self.open.len() + node.depth > DEEPEST {
                        return Err(syntax(position, TOO_DEEP));
                    }
                    self.attach(node)
                }
                None => Err(syntax(position, "an alias refers to itself")),
            },
            Event::SequenceStart(anchor, _) => self.open(position, anchor, Items::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(position, anchor, Items::Map(OpenMap::default())),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                None => Ok(()),
                Some(Open { position, anchor, items }) => {
                    let (kind, inner) = match items {
                        Items::List(items) => {
                            let inner = items.iter().map(|node| node.depth).max();
                            (Kind::List(items), inner)
                        }
                        Items::Map(map) => {
                            let inner = map.pairs.iter().map(|(_, node)| node.depth).max();
                            (Kind::Map(map.pairs), inner)
                        }
                    };
                    self.place(Node { position, kind, depth: 1 + inner.unwrap_or(0) }, anchor)
                }
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, position: Position, anchor: usize, items: Items) -> Result<(), SyntaxError> {
        if self.open.len() == DEEPEST {
            return Err(syntax(position, TOO_DEEP));
        }
        if let Some(Open { items: Items::Map(OpenMap { key: None, .. }), .. }) = self.open.last() {
            return Err(syntax(position, "a key is not a string"));
        }
        self.open.push(Open { position, anchor, items });
        Ok(())
    }

    fn place(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxError> {
        let node = Rc::new(node);
        // Anchors are counted from 1.
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node)
    }

    fn attach(&mut self, node: Rc<Node>) -> Result<(), SyntaxError> {
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map(map)) => match map.key.take() {
                Some(key) => map.pairs.push((key, node)),
                None => return Err(syntax(node.position, "a key is not a string")),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one line, each value with its place.
    fn show(node: &Node) -> String {
        let text = match &node.kind {
            Kind::Null => "null".to_owned(),
            Kind::Scalar(text) => text.clone(),
            Kind::List(items) => format!("[{}]", items.iter().map(|n| show(n)).collect::<Vec<_>>().join(" ")),
            Kind::Map(pairs) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(k, n)| format!("{}@{}={}", k.name, k.position, show(n))).collect();
                format!("{{{}}}", pairs.join(" "))
            }
        };
        format!("{text}@{}", node.position)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match parse(text, &[("A", "1"), ("MAP", "{a: b}")]) {
            Ok(node) => show(&node),
            Err(error) => format!("{}: {}", error.position, error.problem),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn everything_has_its_place() {
        check("a: 1\nb:\n  - x\n  - y: ~\n", "{a@1:1=1@1:4 b@2:1=[x@3:5 {y@4:5=null@4:8}@4:5]@3:3}@1:1");
        check("", "null@1:1");
        check("a: ''", "{a@1:1=null@1:4}@1:1");
        check("a: 'null'", "{a@1:1=null@1:4}@1:1");
    }

    #[test]
    fn references_give_text_and_never_structure() {
        check("a: ${A}", "{a@1:1=1@1:4}@1:1");
        check("a: ${MAP}", "{a@1:1={a: b}@1:4}@1:1");
        check("a: ${NONE}", "{a@1:1=null@1:4}@1:1");
        check("${A}: b", "{${A}@1:1=b@1:7}@1:1");
    }

    #[test]
    fn aliases_are_followed() {
        check("a: &x [1]\nb: *x", "{a@1:1=[1@1:8]@1:4 b@2:1=[1@1:8]@1:4}@1:1");
    }

    #[test]
    fn what_is_no_document_is_an_error_with_its_place() {
        check("a: 1\na: 2", "2:1: the same key is given twice");
        check("a: ${1}", "1:4: a reference `${…}` does not name an environment variable");
        check("a: 1\n---\nb: 2", "2:1: there is a second document");
        check("? [a]\n: b", "1:3: a key is not a string");
        check("a: &x [*x]", "1:8: an alias refers to itself");
        check(&"[".repeat(100), "1:65: it is nested too deeply");
        let deep = format!("a: &x {}{}\nb: {}*x", "[".repeat(40), "]".repeat(40), "[".repeat(40));
        check(&deep, "2:44: it is nested too deeply");
    }
}
