//! Phrases of a language and where they stand in a text.

use rustc_hash::FxHashMap;

use super::{
    signals::Signals,
    tokens::Token,
    vocabulary::{ANY, WordId, vocabulary},
};

/// What a phrase stands for; of a Chinese or Japanese word also its place in the lexicon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    pub signals: Signals,
    pub unless_negated: Signals,
    /// What it says where a message consists of such phrases.
    pub alone: Signals,
    pub word: u16,
    /// Whether a phrase goes on here at all, and with any word.
    goes_on: bool,
    with_any: bool,
}

impl Node {
    /// What it may say beside other words.
    pub fn all(&self) -> Signals {
        let mut all = self.signals;
        all.add(self.unless_negated);
        all
    }
}

/// All phrases of a language, as a tree of words.
pub struct Phrases {
    nodes: Vec<Node>,
    edges: FxHashMap<(u32, WordId), u32>,
}

/// A phrase in a text, from a token to before another.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub start: u32,
    pub end: u32,
    pub node: Node,
}

impl Phrases {
    pub fn new() -> Self {
        Self { nodes: vec![Node::default()], edges: FxHashMap::default() }
    }

    /// The place where a phrase ends, which is made.
    pub fn add(&mut self, words: impl Iterator<Item = WordId>) -> &mut Node {
        let mut node = 0;
        for word in words {
            let next = self.nodes.len() as u32;
            node = *self.edges.entry((node, word)).or_insert(next);
            if node == next {
                self.nodes.push(Node::default());
            }
        }
        &mut self.nodes[node as usize]
    }

    pub fn begins(&self, word: WordId) -> bool {
        self.edges.contains_key(&(0, word))
    }

    /// Sets what lets most searches end early.
    pub fn finish(&mut self) {
        for (from, word) in self.edges.keys() {
            let node = &mut self.nodes[*from as usize];
            node.goes_on = true;
            node.with_any |= *word == ANY;
        }
    }

    /// Every phrase that begins at `start`, the shorter before the longer along each way.
    pub fn find(&self, tokens: &[Token], start: usize, found: &mut Vec<Match>) {
        self.follow(0, tokens, start, start, found);
    }

    fn follow(&self, node: u32, tokens: &[Token], start: usize, at: usize, found: &mut Vec<Match>) {
        let Some(token) = tokens.get(at) else { return };
        let any = self.nodes[node as usize].with_any.then_some(&ANY);
        for word in vocabulary().labels(token.word).iter().chain(any) {
            let Some(&next) = self.edges.get(&(node, *word)) else { continue };
            let reached = self.nodes[next as usize];
            if reached.word != 0 || !reached.all().is_empty() || !reached.alone.is_empty() {
                found.push(Match { start: start as u32, end: at as u32 + 1, node: reached });
            }
            if reached.goes_on {
                self.follow(next, tokens, start, at + 1, found);
            }
        }
    }
}

/// Leaves out what lies within something longer. `matches` ascend by their start.
pub fn keep_longest(matches: &mut Vec<Match>) {
    let mut covered = 0;
    let (mut kept, mut from) = (0, 0);
    while let Some(first) = matches.get(from).copied() {
        let same = matches[from..].iter().take_while(|other| other.start == first.start);
        let (count, end) = same.fold((0, 0), |(count, end), other| (count + 1, end.max(other.end)));
        for place in from..from + count {
            if matches[place].end == end && end > covered {
                matches[kept] = matches[place];
                kept += 1;
            }
        }
        covered = covered.max(end);
        from += count;
    }
    matches.truncate(kept);
}
