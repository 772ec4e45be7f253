//! `plaudit facts`: what is known of a conversation before anybody judges it, and the messages that say so.

mod page;
mod scored;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    Failure,
    connect::{Target, connect, require_store},
    export::Reader,
    import::{Form, Line, Lines, Reading, Work, broken, open, read},
    is_dash,
    output::{counted, plain, print, print_data, say, visible},
    scorecard,
};
use crate::{
    domain::{
        FactValue, ImportLimits, NewConversation, ScoredFact, Transcript, UnixMillis, Violation, Violations,
        rules::likely,
    },
    proto::v1::{ConflictPolicy, ImportConversationRequest},
    scoring::{Scorer, conversation_facts, facts, written},
    wire::{export::Whole, import::conversation_from_wire},
};

const AFTER_HELP: &str = "\
Facts are what rules score by: each is computed from the transcript alone, and is absent where it cannot be known (docs/scoring.md \
lists them). FILE holds what plaudit import reads, and no server is needed for it. A stored conversation is read from the server. With \
--scorecard, the conversation is scored here by that file, and nothing is stored: its criteria are printed with their points and reasons.

Exit codes: 0 done; 1 the conversation or the scorecard cannot be read, or a line of the file is invalid; 2 wrong usage.

Examples:
  plaudit facts tickets.jsonl                     of each conversation in a file
  plaudit facts conversations/zendesk:4711        of a stored one, by its source
  plaudit facts conversations/5000000000000001    or by Plaudit's own number
  plaudit facts --fact confirmation_at_end --fact complaints tickets.jsonl
  plaudit facts --json tickets.jsonl | jq '.facts[] | select(.name==\"outcome\")'
  plaudit facts --scorecard tidy.yaml tickets.jsonl
  plaudit facts --list                            what every fact means";

/// What names a stored conversation.
const STORED: &str = "conversations/";

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct FactsCommand {
    /// A file of conversations, - for standard input, or the name of a stored conversation.
    #[arg(value_name = "FILE|CONVERSATION", required_unless_present = "list")]
    what: Option<PathBuf>,
    /// Only this fact; may be repeated.
    #[arg(long = "fact", value_name = "NAME", value_parser = fact_name)]
    names: Vec<String>,
    /// Print one JSON object per conversation.
    #[arg(long)]
    json: bool,
    /// Read lines of a file without the keys and words in them that are not known.
    #[arg(long)]
    lenient: bool,
    /// Print what every fact means instead.
    #[arg(long, conflicts_with_all = ["what", "json", "scorecard"])]
    list: bool,
    /// Score by this scorecard, a file, instead.
    #[arg(long, value_name = "FILE", conflicts_with = "names")]
    scorecard: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

fn fact_name(name: &str) -> Result<String, String> {
    if facts::find(name).is_some() {
        return Ok(name.to_owned());
    }
    let known: Vec<&str> = facts::all().iter().map(|fact| fact.name).collect();
    let meant = likely(name, &known).map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
    Err(format!("there is no such fact; {meant}plaudit facts --list names them"))
}

impl FactsCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.list {
            return print(page::list(|name| self.is_wanted(name)));
        }
        if [&self.what, &self.scorecard].iter().all(|file| file.as_deref().is_some_and(is_dash)) {
            return Err(Failure::Usage("only one of FILE and --scorecard can be standard input".to_owned()));
        }
        let scorer = match &self.scorecard {
            Some(file) => Some(Scorer::new(vec![Arc::new(scorecard::load(file)?)])),
            None => None,
        };
        let scorer = scorer.as_ref();
        match self.what.as_deref() {
            Some(name) if name.to_string_lossy().starts_with(STORED) => {
                self.stored(&name.to_string_lossy(), scorer)
            }
            Some(file) => self.file(file, scorer),
            None => Ok(()),
        }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }

    fn stored(&self, name: &str, scorer: Option<&Scorer>) -> Result<(), Failure> {
        if let Some(data) = &self.target.data {
            require_store(data)?;
        }
        let whole = self.target.runtime()?.block_on(async {
            let reached = self.target.reach().await?;
            let whole = self.whole(&reached.endpoint, name).await;
            let left = reached.leave().await;
            let whole = whole?;
            left.map(|()| whole)
        })?;
        let Whole { conversation, mut messages, ratings, .. } = whole;
        for file in messages.iter_mut().flat_map(|message| &mut message.attachments) {
            file.content_missing = file.source_url.is_none();
        }
        let request = ImportConversationRequest {
            without_messages: messages.is_empty(),
            conversation: Some(conversation),
            messages,
            ratings,
            ..Default::default()
        };
        let new = checked(request).map_err(|violations| refused(name, &violations))?;
        self.tell(name, &new, scorer)
    }

    async fn whole(&self, endpoint: &tonic::transport::Endpoint, name: &str) -> Result<Whole, Failure> {
        let channel = connect(endpoint).await.map_err(Failure::Failed)?;
        Reader::new(channel).transcript(name).await
    }

    fn file(&self, file: &Path, scorer: Option<&Scorer>) -> Result<(), Failure> {
        let shown = file.display().to_string();
        let failed = |cause: std::io::Error| Failure::Failed(format!("{shown}: {}", plain(&cause)));
        let input = open(file, "facts").map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => Failure::Failed(no_file(&shown)),
            _ => failed(cause),
        })?;
        let lines = Lines::load().map_err(Failure::failed)?;
        let reading = Reading { first: 1, policy: ConflictPolicy::Reject, is_lenient: self.lenient };
        let mut lines = read(input, lines, reading);
        let mut told = Pending::default();
        let mut bad = 0_u64;
        while let Some(line) = lines.blocking_recv() {
            let Line { number, work, ignored, is_reversed, .. } = line.map_err(failed)?;
            let place = format!("{shown}:{number}");
            if is_reversed {
                say(format_args!(
                    "{place}: its messages go from the newest to the oldest, and count in that order"
                ));
            }
            let whole = match work {
                Ok(Work::Import(request)) => told.next(Told { place, request: *request, ignored }),
                Ok(Work::Directory(_)) => None,
                Err(violations) => {
                    bad += 1;
                    // What was read before it is printed before it.
                    let before = told.0.take();
                    bad += self.tell_request(before, scorer)?;
                    complain(&place, &violations);
                    None
                }
            };
            bad += self.tell_request(whole, scorer)?;
        }
        bad += self.tell_request(told.0, scorer)?;
        match bad {
            0 => Ok(()),
            bad => {
                let bad = counted(bad, "line was", "lines were");
                Err(Failure::Failed(format!("{bad} bad; the facts of all others are printed")))
            }
        }
    }

    /// Prints the facts of a line, or the rules that it breaks; returns how many lines were bad.
    fn tell_request(&self, line: Option<Told>, scorer: Option<&Scorer>) -> Result<u64, Failure> {
        let Some(Told { place, request, ignored }) = line else { return Ok(0) };
        match checked(request) {
            Ok(new) => self.tell(&place, &new, scorer).map(|()| 0),
            Err(violations) => {
                // The lines of the other form are checked when they are parsed.
                let named = violations.renamed(|field| Form::Export.key(field));
                let named = named.iter().map(|wrong| Violation {
                    field: wrong.field.clone(),
                    message: broken(&ignored, &wrong.field, &wrong.message).to_owned(),
                });
                complain(&place, &named.collect::<Vec<_>>());
                Ok(1)
            }
        }
    }

    fn tell(&self, place: &str, new: &NewConversation, scorer: Option<&Scorer>) -> Result<(), Failure> {
        let transcript = new.preview(written::is_automatic);
        if let Some(scorer) = scorer {
            // When the answers are given is not printed.
            let scored = scorer.score_rated(&transcript, new.last_answers(), UnixMillis::MIN);
            return match self.json {
                true => print_data(format_args!("{}\n", scored::to_json(place, &transcript, &scored))),
                false => print(scored::page(place, &transcript, &scored)),
            };
        }
        let mut found = conversation_facts(&transcript, new.last_answers());
        found.retain(|fact| self.is_wanted(&fact.name));
        if self.json {
            return print_data(format_args!("{}\n", to_json(place, &transcript, &found)));
        }
        print(page::page(place, &transcript, &found, |name| self.is_wanted(name)))
    }
}

/// A conversation of a file, to be told of.
struct Told {
    place: String,
    request: ImportConversationRequest,
    /// Unknown keys and words that it was read without.
    ignored: Vec<Violation>,
}

/// A conversation whose next part may be on the next line.
#[derive(Default)]
struct Pending(Option<Told>);

impl Pending {
    /// Takes a line; answers the conversation before it, once that is whole.
    fn next(&mut self, line: Told) -> Option<Told> {
        match &mut self.0 {
            Some(whole) if !line.request.append_after.is_empty() => {
                let before = (whole.request.messages.len(), whole.request.ratings.len());
                whole.ignored.extend(line.ignored.into_iter().map(|ignored| after_part(ignored, before)));
                whole.request.messages.extend(line.request.messages);
                whole.request.ratings.extend(line.request.ratings);
                None
            }
            pending => pending.replace(line),
        }
    }
}

/// What was ignored in a part, with its place in the whole: `messages[5].kind` for `messages[2].kind` after three messages.
fn after_part(ignored: Violation, (messages, ratings): (usize, usize)) -> Violation {
    let moved = [("messages[", messages), ("ratings[", ratings)].into_iter().find_map(|(list, before)| {
        let (place, rest) = ignored.field.strip_prefix(list)?.split_once(']')?;
        let place: usize = place.parse().ok()?;
        Some(format!("{list}{}]{rest}", before + place))
    });
    Violation { field: moved.unwrap_or(ignored.field), message: ignored.message }
}

fn checked(request: ImportConversationRequest) -> Result<NewConversation, Violations> {
    // However long it is: nothing is stored.
    let limits = ImportLimits { messages: usize::MAX, ..ImportLimits::default() };
    conversation_from_wire(request, None, limits, Violations::default())
}

fn complain(place: &str, violations: &[Violation]) {
    let place = visible(place);
    for violation in violations {
        say(format_args!("{place}: {}: {}", violation.field, violation.message));
    }
}

/// What was meant as the name of a stored conversation gets the name to write.
fn no_file(shown: &str) -> String {
    let is_number = !shown.is_empty() && shown.bytes().all(|byte| byte.is_ascii_digit());
    if is_number || (shown.contains(':') && !shown.contains('/')) {
        return format!("{shown}: there is no such file; for a stored conversation write {STORED}{shown}");
    }
    format!("{shown}: there is no such file; a stored conversation is {STORED}NUMBER or {STORED}SOURCE:ID")
}

fn refused(place: &str, violations: &Violations) -> Failure {
    let rules = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.message));
    Failure::Failed(format!("{place}: {}", rules.collect::<Vec<_>>().join("; ")))
}

fn to_json(place: &str, transcript: &Transcript, found: &[ScoredFact]) -> Value {
    let facts: Vec<Value> = found
        .iter()
        .map(|fact| {
            let value = match &fact.value {
                FactValue::Bool(value) => json!(value),
                FactValue::Int(value) => json!(value),
                FactValue::Number(value) => json!(value),
                FactValue::Text(value) => json!(value),
            };
            let evidence: Vec<Value> = page::evidence(transcript, fact)
                .map(|(place, message)| {
                    json!({
                        "message": place,
                        "externalId": &*message.external_id,
                        "author": page::author(message),
                        "content": message.content,
                    })
                })
                .collect();
            // What a yes or a word may be is in the list of facts; it is no unit.
            let unit = match &fact.value {
                FactValue::Int(_) | FactValue::Number(_) => Some(page::unit(&fact.name)),
                FactValue::Bool(_) | FactValue::Text(_) => None,
            };
            json!({ "name": fact.name, "value": value, "unit": unit, "evidence": evidence })
        })
        .collect();
    json!({ "conversation": place, "facts": facts })
}
