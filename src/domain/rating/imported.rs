//! A rating imported from elsewhere, with its outcome there.

use minicbor::{Encode, bytes::ByteArray};
use uuid::Uuid;

use super::{Course, NewAnswer, QuestionDraft, Rating, RatingDraft, RatingQuestion, submission::checked};
use crate::domain::{
    Author, AuthorDraft, AuthorKind, Channel, ConversationId, PartialAuthor, Path, RatingId, SourceName,
    UnixMillis, Violations, rules::required,
};

/// A rating as decoded by an edge: absent is `None`, nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct ImportedRatingDraft {
    pub uuid: Option<Uuid>,
    /// A user with no known details is still a user.
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

/// Who is meant where a rating does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Defaults<'a> {
    pub user: Option<&'a Author>,
    pub agent: Option<&'a Author>,
}

/// A valid rating.
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
    /// Whether the import says who is meant, and it does not follow from the conversation.
    #[cbor(skip)]
    pub names_user: bool,
    #[cbor(skip)]
    pub names_agent: bool,
}

impl ImportedRatingDraft {
    /// Checks the rules of an offer and of its answers; `None` when one is broken; the violation is then recorded.
    pub fn check(
        mut self,
        defaults: Defaults<'_>,
        at: Path<'_>,
        violations: &mut Violations,
    ) -> Option<NewImportedRating> {
        let mut found = Violations::default();
        let (names_user, names_agent) = (self.user.is_some(), self.agent.is_some());
        let (questions, answers): (Vec<_>, Vec<_>) = std::mem::take(&mut self.questions).into_iter().unzip();
        // A scheduled rating comes with both times, which are equal.
        let offer_time = self.offer_time.filter(|time| self.schedule_time != Some(*time));
        let offer = RatingDraft {
            user: self.user.clone().filter(is_known),
            agent: self.agent.clone().filter(is_known),
            questions,
            offer_time,
            schedule_time: self.schedule_time,
            expire_time: self.expire_time,
        };
        let new = offer.check_at(at, &mut found);
        found.check(at.field("offer_time"), required(self.offer_time));
        if self.cancel_time.is_some() && answers.iter().any(Option::is_some) {
            found.add(at.field("cancel_time"), "must be absent where a question is answered");
        }
        let person = |author: Option<AuthorDraft>, said: Option<PartialAuthor>, kind| {
            let PartialAuthor { external_id, name, .. } = said.unwrap_or_default();
            author.map(|author| Author { kind: author.kind.unwrap_or(kind), external_id, name })
        };
        let user = person(self.user, new.user, AuthorKind::Contact).or_else(|| defaults.user.cloned());
        let agent = person(self.agent, new.agent, AuthorKind::Teammate).or_else(|| defaults.agent.cloned());
        if user.is_none() {
            found.add(at.field("user"), "is required: no customer has written in this import");
        }
        if agent.is_none() {
            let rule =
                "is required: there is no assignee, and no agent has written to the customer in this import";
            found.add(at.field("agent"), rule);
        }
        let questions = new.questions.into_iter().zip(answers).enumerate();
        let questions = questions.map(|(index, (question, answer))| {
            let at = at.item("questions", index);
            let at = at.field("answer");
            if let Some(answer) = &answer {
                found.check(at.field("answer_time"), required(answer.time));
            }
            let answer =
                answer.and_then(|answer| checked(question.kind, &answer, UnixMillis::MIN, at, &mut found));
            RatingQuestion { kind: question.kind, text: question.text, language: question.language, answer }
        });
        let questions = questions.collect();
        violations.take(found.or(()))?;
        Some(NewImportedRating {
            questions,
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
            names_user,
            names_agent,
        })
    }
}

impl NewImportedRating {
    /// Reports what is said to have happened, but lies in the future by the server's clock, as the other calls about ratings do.
    pub fn check_past(&self, now: UnixMillis, at: Path<'_>, violations: &mut Violations) {
        let course = &self.course;
        // A scheduled one is offered when it is due.
        let offered = Some(self.offer_time).filter(|_| !course.scheduled);
        for (field, time) in [
            ("offer_time", offered),
            ("cancel_time", course.cancel_time),
            ("opt_out_time", course.opt_out_time),
        ] {
            violations.check(at.field(field), time.map_or(Ok(()), |time| time.has_happened(now)));
        }
        for (index, question) in self.questions.iter().enumerate() {
            let Some(answer) = &question.answer else { continue };
            let at = at.item("questions", index);
            violations.check(at.field("answer").field("answer_time"), answer.time.has_happened(now));
        }
    }
}

/// Whether anything is known about somebody that the rules of an offer can be applied to.
fn is_known(author: &AuthorDraft) -> bool {
    let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    says(&author.external_id) || says(&author.name)
}

impl NewImportedRating {
    /// The rating as it is stored. `channel` is the conversation's.
    pub fn stored(
        &self,
        id: RatingId,
        conversation: ConversationId,
        source: &SourceName,
        channel: Channel,
        now: UnixMillis,
    ) -> Rating {
        Rating {
            id,
            conversation,
            user: self.user.clone(),
            agent: self.agent.clone(),
            source: source.clone(),
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

    /// The UUID that it is imported with.
    pub fn uuid(&self) -> Option<Uuid> {
        self.uuid.as_ref().map(|uuid| Uuid::from_bytes(**uuid))
    }
}
