//! Phrases of a language and where they stand in a text.

use rustc_hash::FxHashMap;

use super::{
    signals::Signals,
    tokens::Token,
    vocabulary::{ANY, WordId, vocabulary},
};

/// What a phrase stands for; of a Chinese or Japanese word also its place in the lexicon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Meaning {
    pub signals: Signals,
    pub unless_negated: Signals,
    /// What it says where a message consists of such phrases.
    pub alone: Signals,
    pub word: u16,
}

impl Meaning {
    /// What it may say beside other words.
    pub fn all(&self) -> Signals {
        let mut all = self.signals;
        all.add(self.unless_negated);
        all
    }
}

/// The phrases of a language while they are read.
pub struct Building {
    meanings: Vec<Meaning>,
    edges: FxHashMap<(u32, WordId), u32>,
}

impl Building {
    pub fn new() -> Self {
        Self { meanings: vec![Meaning::default()], edges: FxHashMap::default() }
    }

    /// What the phrase of these words stands for, to be set.
    pub fn add(&mut self, words: impl Iterator<Item = WordId>) -> &mut Meaning {
        let mut node = 0;
        for word in words {
            let next = self.meanings.len() as u32;
            node = *self.edges.entry((node, word)).or_insert(next);
            if node == next {
                self.meanings.push(Meaning::default());
            }
        }
        &mut self.meanings[node as usize]
    }

    pub fn finish(self) -> Phrases {
        let mut edges: Vec<(u32, WordId, u32)> =
            self.edges.into_iter().map(|((from, word), to)| (from, word, to)).collect();
        edges.sort_unstable();
        let mut phrases =
            Phrases { firsts: FxHashMap::default(), nodes: Vec::new(), meanings: vec![Meaning::default()] };
        let mut places = FxHashMap::default();
        // The children of a node lie together, and soon behind them their own.
        let mut open = vec![(0, None)];
        while let Some((from, parent)) = open.pop() {
            let children =
                edges.partition_point(|edge| edge.0 < from)..edges.partition_point(|edge| edge.0 <= from);
            let first = phrases.nodes.len();
            for (place, (_, word, to)) in (first..).zip(&edges[children]) {
                let meaning = self.meanings[*to as usize];
                let meaning = *places.entry(meaning).or_insert_with(|| {
                    phrases.meanings.push(meaning);
                    phrases.meanings.len() as u16 - 1
                });
                phrases.nodes.push(Node { word: *word, children: 0, count: 0, meaning });
                open.push((*to, Some(place)));
            }
            let count = phrases.nodes.len() - first;
            match parent {
                Some(place) => {
                    let node: &mut Node = &mut phrases.nodes[place];
                    (node.children, node.count) = (first as u32, count as u16);
                }
                None => {
                    phrases.firsts.extend((0..).zip(&phrases.nodes).map(|(place, node)| (node.word, place)))
                }
            }
        }
        phrases
    }
}

/// A word of a phrase behind those that lead to it.
struct Node {
    word: WordId,
    /// The words that may follow, ascending: where they begin, and how many they are.
    children: u32,
    count: u16,
    /// What the phrase that ends here stands for: its place in the table of all.
    meaning: u16,
}

/// All phrases of a language, as a tree of words in which each subtree lies together.
pub struct Phrases {
    firsts: FxHashMap<WordId, u32>,
    nodes: Vec<Node>,
    /// Each once; the first is nothing.
    meanings: Vec<Meaning>,
}

/// A phrase in a text, from a token to before another.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub start: u32,
    pub end: u32,
    pub meaning: Meaning,
}

impl Phrases {
    pub fn begins(&self, word: WordId) -> bool {
        self.firsts.contains_key(&word)
    }

    /// Every phrase that begins at `start`, the shorter before the longer along each way.
    pub fn find(&self, tokens: &[Token], start: usize, found: &mut Vec<Match>) {
        let Some(token) = tokens.get(start) else { return };
        for word in vocabulary().labels(token.word).chain([ANY]) {
            if let Some(place) = self.firsts.get(&word) {
                self.follow(&self.nodes[*place as usize], tokens, start, start + 1, found);
            }
        }
    }

    /// Takes a node that the tokens from `start` to before `end` lead to.
    fn follow(&self, node: &Node, tokens: &[Token], start: usize, end: usize, found: &mut Vec<Match>) {
        if node.meaning != 0 {
            let meaning = self.meanings[usize::from(node.meaning)];
            found.push(Match { start: start as u32, end: end as u32, meaning });
        }
        let children = &self.nodes[node.children as usize..][..usize::from(node.count)];
        let (Some(first), Some(token)) = (children.first(), tokens.get(end)) else { return };
        for word in vocabulary().labels(token.word) {
            if let Ok(place) = children.binary_search_by_key(&word, |child| child.word) {
                self.follow(&children[place], tokens, start, end + 1, found);
            }
        }
        // It is the least of all words.
        if first.word == ANY {
            self.follow(first, tokens, start, end + 1, found);
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
