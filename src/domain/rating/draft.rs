//! An offer to make, before and after validation.

use minicbor::Encode;

use super::RatingType;
use crate::domain::{
    AuthorDraft, PartialAuthor, Path, Side, UnixMillis, Violations, limits,
    rules::{self, required},
};

/// An offer as decoded by an edge: absent is `None`, nothing is validated yet.
#[derive(Clone, Debug, Default)]
pub struct RatingDraft {
    pub user: Option<AuthorDraft>,
    pub agent: Option<AuthorDraft>,
    pub questions: Vec<QuestionDraft>,
    pub offer_time: Option<UnixMillis>,
    pub schedule_time: Option<UnixMillis>,
    pub expire_time: Option<UnixMillis>,
}

#[derive(Clone, Debug, Default)]
pub struct QuestionDraft {
    pub kind: Option<RatingType>,
    pub text: Option<String>,
    pub language: Option<String>,
}

/// A valid offer. Its encoding is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewRating {
    /// Absent: the requester.
    #[n(0)]
    pub user: Option<PartialAuthor>,
    /// Absent: the agent most likely meant.
    #[n(1)]
    pub agent: Option<PartialAuthor>,
    #[n(2)]
    pub questions: Vec<NewQuestion>,
    /// Absent: now.
    #[n(3)]
    pub offer_time: Option<UnixMillis>,
    /// Whether the offer is scheduled: `offer_time` is when the customer is to be asked.
    #[n(4)]
    pub scheduled: bool,
    #[n(5)]
    pub expire_time: Option<UnixMillis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewQuestion {
    #[n(0)]
    pub kind: RatingType,
    #[n(1)]
    pub text: Option<String>,
    #[n(2)]
    pub language: Option<String>,
}

impl RatingDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field already in there is not
    /// reported twice.
    pub fn check(self, mut violations: Violations) -> Result<NewRating, Violations> {
        let new = self.check_at(Path::ROOT, &mut violations);
        violations.or(new)
    }

    /// The valid parts; broken rules are recorded below `at`.
    pub(super) fn check_at(self, at: Path<'_>, violations: &mut Violations) -> NewRating {
        let user = self.user.map(|user| check_person(user, Side::Customer, at.field("user"), violations));
        let agent = self.agent.map(|agent| check_person(agent, Side::Agent, at.field("agent"), violations));
        let most = limits::QUESTIONS;
        violations.check(at.field("questions"), rules::items(self.questions.len(), 1..=most));
        let drafts = self.questions.into_iter().take(most).enumerate();
        let questions: Vec<_> = drafts
            .filter_map(|(index, question)| question.check(at.item("questions", index), violations))
            .collect();
        if self.offer_time.is_some() && self.schedule_time.is_some() {
            let rule = "must be absent where offer_time is given: an offer is made once";
            violations.add(at.field("schedule_time"), rule);
        }
        let offer_time = self.offer_time.or(self.schedule_time);
        let scheduled = self.schedule_time.is_some();
        let expire_time = self.expire_time;
        let new = NewRating { user, agent, questions, offer_time, scheduled, expire_time };
        // Checked again at the time of the offer if that is now.
        violations.check(at.field("expire_time"), new.check_expiry(UnixMillis::MIN));
        new
    }
}

/// An empty description of a person is absent.
fn check_person(draft: AuthorDraft, side: Side, at: Path<'_>, violations: &mut Violations) -> PartialAuthor {
    let person = draft.check_named(side, at, violations);
    PartialAuthor { name: person.name.filter(|name| !name.is_empty()), ..person }
}

impl NewRating {
    /// The time of the offer, `now` if none was given; it must expire later.
    pub fn offered_at(&self, now: UnixMillis) -> Result<UnixMillis, Violations> {
        let mut violations = Violations::default();
        violations.check("expire_time", self.check_expiry(now));
        violations.or(self.offer_time.unwrap_or(now))
    }

    fn check_expiry(&self, now: UnixMillis) -> Result<(), String> {
        match self.expire_time {
            Some(expiry) if expiry <= self.offer_time.unwrap_or(now) => {
                Err("must be after the offer, or nobody could answer it".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl QuestionDraft {
    fn check(self, at: Path<'_>, violations: &mut Violations) -> Option<NewQuestion> {
        let kind = violations.check(at.field("type"), required(self.kind));
        violations.check(at.field("text"), rules::max_bytes(self.text.as_deref(), limits::QUESTION_BYTES));
        if let Some(language) = &self.language {
            violations.check(at.field("language"), rules::language(language));
        }
        Some(NewQuestion { kind: kind?, text: self.text, language: self.language })
    }
}
