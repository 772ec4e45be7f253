//! One conversation with everything that belongs to it, as known to its caller, and every kind of change to it.

use plaudit::proto::v1::AuthorKind;

use super::random::Random;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    pub external_id: String,
    /// `conversations/{number}`; empty until an answer contained it.
    pub name: String,
    pub is_stored: bool,
    pub is_deleted: bool,
    pub subject: Option<String>,
    pub status: i32,
    pub team: Option<String>,
    pub tags: Vec<String>,
    pub messages: Vec<Said>,
    pub ratings: Vec<Asked>,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub name: String,
    /// The external id for an import, the tracking id for a message stored singly.
    pub id: String,
    pub words: String,
    pub files: usize,
}

/// A rating with one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    pub name: String,
    pub value: Option<i32>,
    pub is_cancelled: bool,
    /// The customer had opted out earlier.
    pub is_withheld: bool,
    /// The customer opted out on this rating.
    pub is_opted_out: bool,
}

/// The edge that a change is sent through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Grpc,
    Rest,
}

/// A message to store.
#[derive(Clone, Debug)]
pub struct New {
    pub said: Said,
    pub kind: AuthorKind,
}

#[derive(Clone, Debug)]
pub enum Change {
    /// The first messages.
    Import {
        messages: Vec<New>,
        edge: Edge,
    },
    /// Further messages, some of which are known.
    Append {
        messages: Vec<New>,
    },
    /// One message, with what it says about its conversation.
    Store {
        new: New,
        process: Process,
        status: i32,
        tag: Option<String>,
        edge: Edge,
    },
    EditMessage {
        at: usize,
        name: String,
        words: String,
    },
    DeleteMessage {
        at: usize,
        name: String,
    },
    Update {
        subject: String,
        status: i32,
        team: String,
        tags: Vec<String>,
    },
    Delete,
    Undelete,
    Offer {
        edge: Edge,
    },
    Submit {
        at: usize,
        name: String,
        value: i32,
        edge: Edge,
    },
    Cancel {
        at: usize,
        name: String,
    },
    OptOut {
        at: usize,
        name: String,
        opts_out: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    Batch,
    Realtime,
    Off,
}

impl Thread {
    pub fn new(external_id: String) -> Self {
        Self { external_id, ..Self::default() }
    }

    pub fn choose(&self, random: &mut Random) -> Change {
        if !self.is_stored {
            return if random.one_in(3) { self.store(random, true) } else { self.import(random) };
        }
        if self.is_deleted {
            return Change::Undelete;
        }
        let of_its_parts = match random.below(16) {
            0 | 1 => Some(Change::Append { messages: self.further_messages(random) }),
            2 => self.message(random).map(|(at, name)| {
                let words = words(self.messages.len(), random);
                Change::EditMessage { at, name, words }
            }),
            3 => self.message(random).map(|(at, name)| Change::DeleteMessage { at, name }),
            4 => Some(update(random)),
            5 => Some(Change::Delete),
            6..9 => Some(Change::Offer { edge: edge(random) }),
            9..12 => self.rating(random, |asked| asked.takes_answers()).map(|(at, name)| {
                let value = 1 + random.below(5) as i32;
                Change::Submit { at, name, value, edge: edge(random) }
            }),
            12 => {
                let is_open = |asked: &Asked| asked.takes_answers() && asked.value.is_none();
                self.rating(random, is_open).map(|(at, name)| Change::Cancel { at, name })
            }
            13 => self.opt_out(random),
            _ => None,
        };
        of_its_parts.unwrap_or_else(|| self.store(random, false))
    }

    pub fn import(&self, random: &mut Random) -> Change {
        let count = 1 + random.below(4) as usize;
        let messages = (0..count).map(|place| self.new_message(place, random)).collect();
        Change::Import { messages, edge: edge(random) }
    }

    fn further_messages(&self, random: &mut Random) -> Vec<New> {
        let known = self.messages.iter().filter(|said| said.id.starts_with('m')).take(2);
        let known = known.map(|said| New { said: said.clone(), kind: AuthorKind::Contact });
        let mut messages: Vec<New> = known.collect();
        // A deleted message does not come back under its old id.
        let place = random.next() as usize % 1_000_000_000;
        messages.extend((0..1 + random.below(3) as usize).map(|more| self.new_message(place + more, random)));
        messages
    }

    fn new_message(&self, place: usize, random: &mut Random) -> New {
        let kinds = [AuthorKind::Contact, AuthorKind::Teammate, AuthorKind::Ai];
        let kind = kinds[random.below(3) as usize];
        let said = Said { id: format!("m{place}"), words: words(place, random), ..Said::default() };
        New { said, kind }
    }

    fn store(&self, random: &mut Random, is_first: bool) -> Change {
        let is_tracked = random.one_in(2);
        let id = if is_tracked { format!("t{}", random.next()) } else { String::new() };
        let kind = if random.one_in(2) { AuthorKind::Contact } else { AuthorKind::Teammate };
        let files = usize::from(random.one_in(4));
        let said = Said { name: String::new(), id, words: words(self.messages.len(), random), files };
        let process = match random.below(8) {
            0 => Process::Realtime,
            1 => Process::Off,
            _ => Process::Batch,
        };
        Change::Store {
            new: New { said, kind },
            process,
            status: 1 + random.below(3) as i32,
            tag: random.one_in(2).then(|| tag(random)),
            // The REST path takes numbers, and this conversation has none yet.
            edge: if is_first { Edge::Grpc } else { edge(random) },
        }
    }

    fn message(&self, random: &mut Random) -> Option<(usize, String)> {
        let at = random.below(self.messages.len().max(1) as u64) as usize;
        Some((at, self.messages.get(at)?.name.clone()))
    }

    fn rating(&self, random: &mut Random, is_meant: impl Fn(&Asked) -> bool) -> Option<(usize, String)> {
        let meant: Vec<usize> = (0..self.ratings.len()).filter(|at| is_meant(&self.ratings[*at])).collect();
        let at = *random.pick(&meant)?;
        Some((at, self.ratings[at].name.clone()))
    }

    /// A customer who opted out must opt back in first.
    fn opt_out(&self, random: &mut Random) -> Option<Change> {
        let opts_out = !self.has_opted_out();
        let is_meant = |asked: &Asked| if opts_out { asked.takes_answers() } else { asked.is_opted_out };
        let (at, name) = self.rating(random, is_meant)?;
        Some(Change::OptOut { at, name, opts_out })
    }

    fn has_opted_out(&self) -> bool {
        self.ratings.iter().any(|asked| asked.is_opted_out)
    }

    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Import { messages, .. } => {
                self.is_stored = true;
                self.subject = Some(FIRST_SUBJECT.to_owned());
                self.messages = messages.iter().map(|new| new.said.clone()).collect();
            }
            Change::Append { messages } => {
                for New { said, .. } in messages {
                    if !self.messages.iter().any(|known| known.id == said.id) {
                        self.messages.push(said.clone());
                    }
                }
            }
            Change::Store { new, status, tag, .. } => {
                self.is_stored = true;
                self.status = *status;
                self.tags
                    .extend(tag.iter().filter(|tag| !self.tags.contains(tag)).cloned().collect::<Vec<_>>());
                self.messages.push(new.said.clone());
            }
            Change::EditMessage { at, words, .. } => self.messages[*at].words.clone_from(words),
            Change::DeleteMessage { at, .. } => _ = self.messages.remove(*at),
            Change::Update { subject, status, team, tags } => {
                (self.subject, self.status) = (Some(subject.clone()), *status);
                (self.team, self.tags) = (Some(team.clone()), tags.clone());
            }
            Change::Delete => self.is_deleted = true,
            Change::Undelete => self.is_deleted = false,
            Change::Offer { .. } => {
                self.ratings.push(Asked { is_withheld: self.has_opted_out(), ..Asked::default() })
            }
            Change::Submit { at, value, .. } => self.ratings[*at].value = Some(*value),
            Change::Cancel { at, .. } => self.ratings[*at].is_cancelled = true,
            Change::OptOut { at, opts_out, .. } => self.ratings[*at].is_opted_out = *opts_out,
        }
    }

    pub fn bare(&self) -> Self {
        let mut bare = Self { name: String::new(), ..self.clone() };
        bare.messages.iter_mut().for_each(|said| said.name.clear());
        bare.ratings.iter_mut().for_each(|asked| asked.name.clear());
        bare
    }

    pub fn keeps_names_of(&self, earlier: &Self) -> bool {
        let keeps = |(now, then): (&String, &String)| then.is_empty() || now == then;
        let messages = self.messages.iter().map(|said| &said.name);
        let ratings = self.ratings.iter().map(|asked| &asked.name);
        keeps((&self.name, &earlier.name))
            && messages.zip(earlier.messages.iter().map(|said| &said.name)).all(keeps)
            && ratings.zip(earlier.ratings.iter().map(|asked| &asked.name)).all(keeps)
    }
}

impl Asked {
    fn takes_answers(&self) -> bool {
        !self.is_cancelled && !self.is_withheld && !self.is_opted_out
    }
}

/// The subject used by imports.
pub const FIRST_SUBJECT: &str = "Order 4711";

fn edge(random: &mut Random) -> Edge {
    if random.one_in(2) { Edge::Rest } else { Edge::Grpc }
}

fn tag(random: &mut Random) -> String {
    format!("tag {}", random.below(6))
}

fn update(random: &mut Random) -> Change {
    Change::Update {
        subject: format!("Subject {}", random.below(1000)),
        status: 1 + random.below(3) as i32,
        team: format!("Team {}", random.below(3)),
        tags: vec![tag(random)],
    }
}

/// Most are short; some are too large for the conversation's head, some for a single chunk.
fn words(place: usize, random: &mut Random) -> String {
    let mut text = format!("Where is order {place}? It was due on day {}.", random.next());
    match random.below(40) {
        0 => text.push_str(&" x1".repeat(7_000)),
        1 => text.push_str(&" y2".repeat(20_000)),
        _ => {}
    }
    text
}
