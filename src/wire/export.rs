//! The lines of an export: what the API answers about one thing, in protobuf's JSON form. docs/export.md describes them.
//!
//! The fields of a conversation that an import takes stand where `ImportConversationRequest` has them, so that a line can be
//! imported as it is.

mod check;
mod craftcx;
mod parts;
mod points;
mod times;

use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::{Violation, Violations},
    interchange::json::{ROOT, UnknownKey, fields_of, unlike},
    proto::{
        DESCRIPTORS,
        v1::{Conversation, ImportConversationRequest, OptOut, Person, Team},
    },
};

pub use craftcx::to_request;
pub use parts::{Part, Whole, parts};
pub use times::ChangedTime;

/// What tells a line about a conversation from another document: no body of CraftCX has it.
const CONVERSATION: &str = "conversation";
/// The other keys of such a line. Those that an import takes are named as in `ImportConversationRequest`.
const CONTINUES: &str = "continues";
const MESSAGES: &str = "messages";
const RATINGS: &str = "ratings";
const ASSESSMENTS: &str = "assessments";
/// The keys of the other lines, which have no other.
const TEAM: &str = "team";
const PERSON: &str = "person";
const OPT_OUT: &str = "optOut";

/// What tells a line of an export or a part of one from what holds such lines.
pub const TELLING_KEYS: [&str; 5] = [CONVERSATION, MESSAGES, TEAM, PERSON, OPT_OUT];

/// Writes and reads the lines of an export.
pub struct Lines {
    pool: DescriptorPool,
}

/// One line about a conversation: the whole of it, or its next part.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    conversation: Value,
    /// That the line before was about the same conversation.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
    messages: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratings: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assessments: Vec<Value>,
}

/// A line to write.
pub struct Line {
    /// Without an end of line.
    pub json: Vec<u8>,
    /// What it does not say as it is stored.
    pub changed: Vec<ChangedTime>,
}

/// A line as it was read.
pub enum Parsed {
    Conversation(Box<Imported>),
    Team(Team),
    Person(Person),
    OptOut(OptOut),
}

/// A line about a conversation as it was read.
pub struct Imported {
    pub request: ImportConversationRequest,
    pub continues: bool,
}

impl Lines {
    pub fn load() -> Result<Self, String> {
        let pool = DescriptorPool::decode(DESCRIPTORS).map_err(|cause| cause.to_string())?;
        Ok(Self { pool })
    }

    fn descriptor(&self, name: &str) -> Result<MessageDescriptor, String> {
        let found = self.pool.get_message_by_name(&format!("plaudit.v1.{name}"));
        found.ok_or_else(|| format!("the API has no message {name}"))
    }

    /// A message of this name, which stands at `path` in its line.
    fn json(
        &self,
        name: &str,
        message: &impl Message,
        path: &str,
        changed: &mut Vec<ChangedTime>,
    ) -> Result<Value, String> {
        let mut dynamic = DynamicMessage::new(self.descriptor(name)?);
        dynamic.transcode_from(message).map_err(|cause| cause.to_string())?;
        times::bring_into_range(&mut dynamic, path, changed);
        serde_json::to_value(&dynamic).map_err(|cause| cause.to_string())
    }

    /// The line of a conversation, or of its next part.
    pub fn conversation(
        &self,
        conversation: &Conversation,
        continues: bool,
        part: &Part,
    ) -> Result<Line, String> {
        let mut changed = Vec::new();
        let mut assessments = self.all("Assessment", &part.assessments, ASSESSMENTS, &mut changed)?;
        assessments.iter_mut().for_each(points::write_zeros);
        let record = Record {
            conversation: self.json("Conversation", conversation, CONVERSATION, &mut changed)?,
            continues,
            messages: self.all("Message", &part.messages, MESSAGES, &mut changed)?,
            ratings: self.all("Rating", &part.ratings, RATINGS, &mut changed)?,
            assessments,
        };
        let json = serde_json::to_vec(&record).map_err(|cause| cause.to_string())?;
        Ok(Line { json, changed })
    }

    fn all(
        &self,
        name: &str,
        messages: &[impl Message],
        path: &str,
        changed: &mut Vec<ChangedTime>,
    ) -> Result<Vec<Value>, String> {
        let messages = messages.iter().enumerate();
        messages
            .map(|(place, message)| self.json(name, message, &format!("{path}[{place}]"), changed))
            .collect()
    }

    pub fn team(&self, team: &Team) -> Result<Line, String> {
        self.alone(TEAM, "Team", team)
    }

    pub fn person(&self, person: &Person) -> Result<Line, String> {
        self.alone(PERSON, "Person", person)
    }

    pub fn opt_out(&self, opt_out: &OptOut) -> Result<Line, String> {
        self.alone(OPT_OUT, "OptOut", opt_out)
    }

    fn alone(&self, key: &str, name: &str, message: &impl Message) -> Result<Line, String> {
        let mut changed = Vec::new();
        let fields = Map::from_iter([(key.to_owned(), self.json(name, message, key, &mut changed)?)]);
        let json = serde_json::to_vec(&fields).map_err(|cause| cause.to_string())?;
        Ok(Line { json, changed })
    }

    /// Whether a line may be about a team; looked at before it is parsed.
    pub fn may_be_team(line: &[u8]) -> bool {
        begins_with(line, TEAM)
    }

    /// Whether a line may be about the next part of a conversation; looked at before it is parsed.
    pub fn may_continue(line: &[u8]) -> bool {
        contains(line, b"\"continues\"") && contains(line, b"\"conversation\"")
    }

    /// What a line holds; `None` when it is no line of an export. A key or a word that the API does not know is a violation; with
    /// `ignored` it is listed there instead, and the line is read without it.
    pub fn parse(
        &self,
        line: &[u8],
        ignored: Option<&mut Vec<Violation>>,
    ) -> Option<Result<Parsed, Violations>> {
        let alone = [TEAM, PERSON, OPT_OUT].into_iter().find(|key| begins_with(line, key));
        // Looked for before it is parsed: most lines are of the other form.
        if alone.is_none() && !contains(line, b"\"conversation\"") {
            return None;
        }
        let mut repeated = Violations::default();
        let fields = match fields_of(line, MAX_VALUES, &mut repeated) {
            Ok(fields) => fields,
            Err(wrong) if wrong.iter().any(|wrong| wrong.field != ROOT) => return Some(Err(wrong)),
            Err(_) => return None,
        };
        if fields.contains_key("ticket_id") {
            return None;
        }
        if let Some(key) = alone.filter(|key| fields.get(*key).is_some_and(Value::is_object)) {
            return Some(repeated.collect(self.parse_alone(key, fields, ignored)));
        }
        if !fields.get(CONVERSATION)?.is_object() {
            return None;
        }
        Some(repeated.collect(self.parse_conversation(fields, ignored)))
    }

    fn parse_alone(
        &self,
        key: &'static str,
        mut fields: Map<String, Value>,
        ignored: Option<&mut Vec<Violation>>,
    ) -> Result<Parsed, Violations> {
        let mut unknown = self.take_other_keys(&mut fields, &[key]);
        let Some(Value::Object(value)) = fields.remove(key) else {
            return Err(Violations::one(key, "must be an object"));
        };
        match key {
            TEAM => self.read("Team", value, key, &mut unknown, ignored).map(Parsed::Team),
            PERSON => self.read("Person", value, key, &mut unknown, ignored).map(Parsed::Person),
            _ => self.read("OptOut", value, key, &mut unknown, ignored).map(Parsed::OptOut),
        }
    }

    fn parse_conversation(
        &self,
        mut fields: Map<String, Value>,
        ignored: Option<&mut Vec<Violation>>,
    ) -> Result<Parsed, Violations> {
        const KEYS: [&str; 5] = [CONVERSATION, CONTINUES, MESSAGES, RATINGS, ASSESSMENTS];
        let mut unknown = self.take_other_keys(&mut fields, &KEYS);
        let continues = match fields.remove(CONTINUES) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(continues)) => continues,
            Some(other) => return Err(Violations::one(CONTINUES, unlike("true or false", &other))),
        };
        // Imported by no server: it makes its own.
        fields.remove(ASSESSMENTS);
        // That it has none is said; where nothing is said of messages, they are missing.
        let has_none = fields.get(MESSAGES).and_then(Value::as_array).is_some_and(Vec::is_empty);
        let mut request: ImportConversationRequest =
            self.read("ImportConversationRequest", fields, "", &mut unknown, ignored)?;
        request.without_messages = has_none || (continues && request.messages.is_empty());
        Ok(Parsed::Conversation(Box::new(Imported { request, continues })))
    }

    /// Takes all keys of a line but these.
    fn take_other_keys(&self, fields: &mut Map<String, Value>, known: &[&str]) -> Vec<Violation> {
        let mut unknown = Vec::new();
        fields.retain(|key, value| {
            let is_known = known.contains(&key.as_str());
            if !is_known {
                unknown.push(UnknownKey::new("", key, value, known).told(|key| self.place_of(key)));
            }
            is_known
        });
        unknown
    }

    /// Where a line about a conversation has a key of this name, like `conversation.status`.
    pub fn place_of(&self, key: &str) -> Option<String> {
        let places = [("Conversation", CONVERSATION), ("Message", "messages[]"), ("Rating", "ratings[]")];
        let places = places.into_iter().filter_map(|(name, path)| {
            let descriptor = self.descriptor(name).ok()?;
            Some((descriptor, path.to_owned()))
        });
        check::place_of(key, places)
    }

    /// A message of this name that stands at `path`. What is unknown in it joins `unknown`, which is then refused or ignored.
    fn read<T: Message + Default>(
        &self,
        name: &str,
        mut fields: Map<String, Value>,
        path: &str,
        unknown: &mut Vec<Violation>,
        ignored: Option<&mut Vec<Violation>>,
    ) -> Result<T, Violations> {
        let unlike = |cause: String| Violations::one(ROOT, format!("is not a line of an export: {cause}"));
        let descriptor = self.descriptor(name).map_err(unlike)?;
        check::take_unknown(&mut fields, &descriptor, path, &|key| self.place_of(key), unknown);
        let mut wrong = Violations::default();
        match ignored {
            Some(ignored) => ignored.append(unknown),
            None => unknown.drain(..).for_each(|unknown| wrong.add(unknown.field, unknown.message)),
        }
        if !wrong.is_empty() {
            check::wrong_types(&fields, &descriptor, path, &mut wrong);
            return Err(wrong);
        }
        // The keys of the file are needed where it cannot be read.
        let value = Value::Object(fields);
        match DynamicMessage::deserialize_with_options(descriptor.clone(), &value, &DeserializeOptions::new())
        {
            Ok(dynamic) => dynamic.transcode_to().map_err(|cause| unlike(cause.to_string())),
            Err(cause) => {
                let fields = value.as_object().into_iter();
                fields.for_each(|fields| check::wrong_types(fields, &descriptor, path, &mut wrong));
                if wrong.is_empty() { Err(unlike(cause.to_string())) } else { Err(wrong) }
            }
        }
    }
}

/// The most values on a line: as many as its bytes can hold.
const MAX_VALUES: usize = usize::MAX;

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Whether an object begins with this key.
fn begins_with(line: &[u8], key: &str) -> bool {
    let rest = line.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    let rest = rest.and_then(|rest| rest.strip_prefix(b"\""));
    let rest = rest.and_then(|rest| rest.strip_prefix(key.as_bytes()));
    rest.is_some_and(|rest| rest.starts_with(b"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::v1::{self, Assessment, Rating};

    #[test]
    fn a_line_that_was_written_is_read_as_what_it_was() {
        let lines = Lines::load().unwrap();
        let conversation = Conversation {
            source: "zendesk".to_owned(),
            external_id: "4\u{2028}2 \"x\"".to_owned(),
            subject: Some(String::new()),
            message_count: 3,
            ..Conversation::default()
        };
        let message = v1::Message {
            external_id: "m1".to_owned(),
            kind: v1::MessageKind::Comment.into(),
            content: Some("two\nlines".to_owned()),
            author: Some(v1::Author { kind: v1::AuthorKind::Ai.into(), ..Default::default() }),
            create_time: Some(prost_types::Timestamp { seconds: 1_764_579_600, nanos: 5_000_000 }),
            ..Default::default()
        };
        for continues in [false, true] {
            let messages = vec![message.clone(), message.clone()];
            let assessments = vec![Assessment::default()];
            let ratings = vec![Rating { name: "conversations/1/ratings/x".to_owned(), ..Rating::default() }];
            let part = Part { messages, ratings, assessments };
            let line = lines.conversation(&conversation, continues, &part).unwrap().json;
            assert!(!line.contains(&b'\n'));
            let Some(Ok(Parsed::Conversation(read))) = lines.parse(&line, None) else { panic!() };
            assert_eq!(read.continues, continues);
            assert_eq!(read.request.conversation.as_ref(), Some(&conversation));
            assert_eq!((read.request.messages, read.request.ratings), (part.messages, part.ratings));
        }
    }

    #[test]
    fn points_of_0_are_written_and_absent_ones_are_not() {
        let lines = Lines::load().unwrap();
        let answered = v1::CriterionResult { system: Some(v1::Answer::default()), ..Default::default() };
        let criteria = vec![answered, v1::CriterionResult::default()];
        let assessment = Assessment { totals: Some(v1::Totals::default()), criteria, ..Default::default() };
        let assessments = vec![assessment, Assessment::default()];
        let part = Part { assessments, ..Part::default() };
        let line = lines.conversation(&Conversation::default(), false, &part).unwrap().json;
        let line: Value = serde_json::from_slice(&line).unwrap();
        let written = &line["assessments"][0];
        assert_eq!(written["criteria"][0]["system"]["score"], 0.0);
        assert!(written["criteria"][1].get("system").is_none());
        assert_eq!(
            (&written["totals"]["scoredPoints"], &written["totals"]["percentage"]),
            (&0.0.into(), &0.0.into())
        );
        assert!(
            written["totals"].get("normalized").is_none() && line["assessments"][1].get("totals").is_none()
        );
    }

    #[test]
    fn people_teams_and_opt_outs_have_lines_of_their_own() {
        let lines = Lines::load().unwrap();
        let team = Team { display_name: "conversation".to_owned(), ..Team::default() };
        let line = lines.team(&team).unwrap().json;
        assert!(Lines::may_be_team(&line));
        assert!(matches!(lines.parse(&line, None), Some(Ok(Parsed::Team(read))) if read == team));
        let person = Person { teams: vec!["teams/1".to_owned()], ..Person::default() };
        let line = lines.person(&person).unwrap().json;
        assert!(matches!(lines.parse(&line, None), Some(Ok(Parsed::Person(read))) if read == person));
        let opt_out = OptOut { source: "dixa".to_owned(), ..OptOut::default() };
        let line = lines.opt_out(&opt_out).unwrap().json;
        assert!(matches!(lines.parse(&line, None), Some(Ok(Parsed::OptOut(read))) if read == opt_out));
        assert!(lines.parse(br#" { "team": { "memberCount": "many" } }"#, None).unwrap().is_err());
    }

    #[test]
    fn other_lines_are_left_to_others() {
        let lines = Lines::load().unwrap();
        for other in [
            "",
            "{",
            r#"{"ticket_id":"conversation"}"#,
            r#"{"conversation":"conversations/1"}"#,
            r#"{"ticket_id":"1","conversation":{}}"#,
            r#"{"team":{},"ticket_id":"1"}"#,
            r#"{"team":"red"}"#,
        ] {
            assert!(lines.parse(other.as_bytes(), None).is_none(), "{other}");
        }
        let wrong = r#"{"conversation":{"externalId":5}}"#;
        assert!(lines.parse(wrong.as_bytes(), None).unwrap().is_err());
    }

    #[test]
    fn a_time_out_of_range_is_changed_and_named_wherever_it_stands() {
        let lines = Lines::load().unwrap();
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let (before, beyond) = (at(-1), at(300_000_000_000));
        let (first, last) = ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z");
        let changed = |line: &Line| -> Vec<(String, String)> {
            line.changed.iter().map(|changed| (changed.field.clone(), changed.written.clone())).collect()
        };
        let named = |field: &str, written: &str| (field.to_owned(), written.to_owned());

        let team = Team { create_time: beyond, update_time: at(1), ..Team::default() };
        let line = lines.team(&team).unwrap();
        assert_eq!(changed(&line), [named("team.createTime", last)]);
        let Some(Ok(Parsed::Team(read))) = lines.parse(&line.json, None) else { panic!() };
        assert_eq!((read.create_time.unwrap().to_string(), read.update_time), (last.to_owned(), at(1)));

        let change = |change_time| v1::StatusChange { change_time, ..Default::default() };
        let status_changes = vec![change(at(0)), change(before)];
        let conversation = Conversation { status_changes, due_time: beyond, ..Conversation::default() };
        let answer = v1::RatingAnswer { answer_time: before, ..Default::default() };
        let question = v1::RatingQuestion { answer: Some(answer), ..Default::default() };
        let part = Part {
            messages: vec![v1::Message { create_time: beyond, ..Default::default() }],
            ratings: vec![Rating::default(), Rating { questions: vec![question], ..Rating::default() }],
            assessments: vec![Assessment { stale_time: beyond, ..Assessment::default() }],
        };
        let mut all = changed(&lines.conversation(&conversation, false, &part).unwrap());
        all.sort();
        assert_eq!(
            all,
            [
                named("assessments[0].staleTime", last),
                named("conversation.dueTime", last),
                named("conversation.statusChanges[1].changeTime", first),
                named("messages[0].createTime", last),
                named("ratings[1].questions[0].answer.answerTime", first),
            ]
        );
    }
}
