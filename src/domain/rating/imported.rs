//! A rating that is brought along from elsewhere, with what became of it there.

use minicbor::{Encode, bytes::ByteArray};
use uuid::Uuid;

use super::{
    super::{Author, AuthorDraft, AuthorKind, Channel, ConversationId, RatingId, UnixMillis, Violations},
    Course, NewAnswer, PersonDraft, QuestionDraft, Rating, RatingDraft, RatingQuestion,
    draft::check_time,
    submission::checked,
};

/// A rating as an edge decoded it: absent is `None`, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct ImportedRatingDraft {
    pub uuid: Option<Uuid>,
    /// One of whom nothing is known is somebody all the same.
    pub user: Option<AuthorDraft>,
    pub agent: Option<AuthorDraft>,
    /// Each with its answer.
    pub questions: Vec<(QuestionDraft, Option<NewAnswer>)>,
    pub offer_time: Option<UnixMillis>,
    pub schedule_time: Option<UnixMillis>,
    pub expire_time: Option<UnixMillis>,
    pub cancel_time: Option<UnixMillis>,
    pub opt_out_time: Option<UnixMillis>,
    pub withheld: bool,
    pub channel: Option<Channel>,
}

/// Who is meant where a rating says nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'a> {
    pub user: Option<&'a Author>,
    pub agent: Option<&'a Author>,
}

/// A rating that obeys every rule.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewImportedRating {
    #[n(0)]
    pub uuid: Option<ByteArray<16>>,
    #[n(1)]
    pub user: Author,
    #[n(2)]
    pub agent: Author,
    #[n(3)]
    pub questions: Vec<RatingQuestion>,
    #[n(4)]
    pub offer_time: UnixMillis,
    #[n(5)]
    pub course: Course,
    /// Absent: the conversation's.
    #[n(6)]
    pub channel: Option<Channel>,
}

impl ImportedRatingDraft {
    /// Checks every rule of an offer and of its answers; `None` when one is broken, which is then among the violations.
    pub fn check(self, defaults: Defaults<'_>, violations: &mut Violations) -> Option<NewImportedRating> {
        let (questions, answers): (Vec<_>, Vec<_>) = self.questions.into_iter().unzip();
        // One that was scheduled is told with both times, which are one.
        let offer_time = self.offer_time.filter(|time| self.schedule_time != Some(*time));
        let offer = RatingDraft {
            user: known(self.user.as_ref()),
            agent: known(self.agent.as_ref()),
            questions,
            offer_time,
            schedule_time: self.schedule_time,
            expire_time: self.expire_time,
        };
        let new = violations.take(offer.check(Violations::default()));
        if self.offer_time.is_none() {
            violations.add("offer_time", "is required");
        }
        check_time("cancel_time", self.cancel_time, violations);
        check_time("opt_out_time", self.opt_out_time, violations);
        if self.cancel_time.is_some() && answers.iter().any(Option::is_some) {
            violations.add("cancel_time", "must be absent where a question is answered");
        }
        let user = person(self.user, AuthorKind::Contact).or_else(|| defaults.user.cloned());
        let agent = person(self.agent, AuthorKind::Teammate).or_else(|| defaults.agent.cloned());
        if user.is_none() {
            violations.add("user", "is required: no customer has written in this import");
        }
        if agent.is_none() {
            let rule =
                "is required: there is no assignee, and no agent has written to the customer in this import";
            violations.add("agent", rule);
        }
        let new = new?;
        let questions = new.questions.into_iter().zip(answers).enumerate();
        let questions = questions.map(|(index, (question, answer))| {
            let field = |name: &str| format!("questions[{index}].answer.{name}");
            if answer.as_ref().is_some_and(|answer| answer.time.is_none()) {
                violations.add(field("answer_time"), "is required");
            }
            let answer =
                answer.and_then(|answer| checked(question.kind, &answer, UnixMillis(0), field, violations));
            RatingQuestion { kind: question.kind, text: question.text, language: question.language, answer }
        });
        Some(NewImportedRating {
            questions: questions.collect(),
            uuid: self.uuid.map(|uuid| uuid.into_bytes().into()),
            user: user?,
            agent: agent?,
            offer_time: self.offer_time?,
            course: Course {
                withheld: self.withheld,
                scheduled: new.scheduled,
                expire_time: new.expire_time,
                cancel_time: self.cancel_time,
                opt_out_time: self.opt_out_time,
            },
            channel: self.channel,
        })
    }
}

/// Whom the rules of an offer are asked of: somebody of whom anything is known.
fn known(author: Option<&AuthorDraft>) -> Option<PersonDraft> {
    let AuthorDraft { kind, external_id, name } = author?.clone();
    (external_id.is_some() || name.is_some()).then_some(PersonDraft { kind, external_id, name })
}

fn person(author: Option<AuthorDraft>, kind: AuthorKind) -> Option<Author> {
    let present = |text: Option<String>| text.filter(|text| !text.is_empty());
    let author = author?;
    Some(Author {
        kind: author.kind.unwrap_or(kind),
        external_id: present(author.external_id),
        name: present(author.name),
    })
}

impl NewImportedRating {
    /// The rating as it is stored. `channel` is the conversation's.
    pub fn stored(
        &self,
        id: RatingId,
        conversation: ConversationId,
        source: &str,
        channel: Channel,
        now: UnixMillis,
    ) -> Rating {
        Rating {
            id,
            conversation,
            user: self.user.clone(),
            agent: self.agent.clone(),
            source: source.to_owned(),
            channel: self.channel.unwrap_or(channel),
            offer_time: self.offer_time,
            course: self.course.clone(),
            questions: self.questions.clone(),
            version: 1,
            create_time: now,
            update_time: now,
            imported_uuid: self.uuid,
        }
    }

    /// The UUID that it brings along.
    pub fn uuid(&self) -> Option<Uuid> {
        self.uuid.as_ref().map(|uuid| Uuid::from_bytes(**uuid))
    }
}
