//! What a caller wants to offer, before and after it was checked.

use minicbor::Encode;

use super::{
    super::{AuthorKind, ImportLimits, UnixMillis, Violations, conversation::check_person_id},
    RatingType,
};

/// An offer as an edge decoded it: absent is `None`, nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub struct RatingDraft {
    pub user: Option<PersonDraft>,
    pub agent: Option<PersonDraft>,
    pub questions: Vec<QuestionDraft>,
    pub offer_time: Option<UnixMillis>,
    pub schedule_time: Option<UnixMillis>,
    pub expire_time: Option<UnixMillis>,
}

/// A person as a caller knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct PersonDraft {
    /// Absent: what the conversation tells.
    #[n(0)]
    pub kind: Option<AuthorKind>,
    #[n(1)]
    pub external_id: Option<String>,
    #[n(2)]
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct QuestionDraft {
    pub kind: Option<RatingType>,
    pub text: Option<String>,
    pub language: Option<String>,
}

/// An offer that obeys every rule. Encoded it is what tells one request from another.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewRating {
    /// Absent: the requester.
    #[n(0)]
    pub user: Option<PersonDraft>,
    /// Absent: the agent most likely meant.
    #[n(1)]
    pub agent: Option<PersonDraft>,
    #[n(2)]
    pub questions: Vec<NewQuestion>,
    /// Absent: now.
    #[n(3)]
    pub offer_time: Option<UnixMillis>,
    /// Whether `offer_time` is when the customer is to be asked.
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

/// How large a rating may be. Lengths are in bytes of UTF-8.
pub struct RatingLimits;

impl RatingLimits {
    pub const QUESTIONS: usize = 20;
    pub const TEXT_BYTES: usize = 2 * 1024;
    /// RFC 5646 names 35 as enough for every tag in use.
    pub const LANGUAGE_BYTES: usize = 35;
    pub const COMMENT_BYTES: usize = 16 * 1024;
}

impl RatingDraft {
    /// Checks every rule. `violations` are those that the edge found while decoding; a field that is named there is not
    /// named twice.
    pub fn check(self, mut violations: Violations) -> Result<NewRating, Violations> {
        let user = self.user.and_then(|user| user.check("user", &[AuthorKind::Contact], &mut violations));
        let agents = [AuthorKind::Teammate, AuthorKind::Ai];
        let agent = self.agent.and_then(|agent| agent.check("agent", &agents, &mut violations));
        let count = self.questions.len();
        let most = RatingLimits::QUESTIONS;
        if count == 0 || count > most {
            violations.add("questions", format!("must have 1 to {most} items, has {count}"));
        }
        let drafts = self.questions.into_iter().take(most).enumerate();
        let questions: Vec<_> =
            drafts.filter_map(|(index, question)| question.check(index, &mut violations)).collect();
        for (field, time) in [
            ("offer_time", self.offer_time),
            ("schedule_time", self.schedule_time),
            ("expire_time", self.expire_time),
        ] {
            check_time(field, time, &mut violations);
        }
        if self.offer_time.is_some() && self.schedule_time.is_some() {
            violations
                .add("schedule_time", "must be absent where offer_time is given: an offer is made once");
        }
        let offer_time = self.offer_time.or(self.schedule_time);
        let scheduled = self.schedule_time.is_some();
        let expire_time = self.expire_time;
        let new = NewRating { user, agent, questions, offer_time, scheduled, expire_time };
        // One that is offered now is asked again when it is.
        violations.collect(new.offered_at(UnixMillis(0)).map(|_| new))
    }
}

impl NewRating {
    /// When it is offered, if not before; it must expire later.
    pub fn offered_at(&self, now: UnixMillis) -> Result<UnixMillis, Violations> {
        let time = self.offer_time.unwrap_or(now);
        match self.expire_time {
            Some(expiry) if expiry <= time => {
                Err(Violations::one("expire_time", "must be after the offer, or nobody could answer it"))
            }
            _ => Ok(time),
        }
    }
}

impl PersonDraft {
    /// `None` when it is not right, which is then among the violations.
    fn check(self, field: &str, kinds: &[AuthorKind], violations: &mut Violations) -> Option<Self> {
        if let Some(kind) = self.kind
            && !kinds.contains(&kind)
        {
            let rule = if kinds.contains(&AuthorKind::Contact) { "a contact" } else { "a teammate or an AI" };
            violations.add(format!("{field}.kind"), format!("must be {rule}, is {}", kind.as_str()));
        }
        let empty = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
        if empty(&self.external_id) && empty(&self.name) {
            violations.add(format!("{field}.external_id"), "is required where there is no name");
        }
        check_person_id(violations, format!("{field}.external_id"), self.external_id.as_deref());
        check_length(format!("{field}.name"), self.name.as_deref(), ImportLimits::NAME_BYTES, violations);
        let present = |text: Option<String>| text.filter(|text| !text.is_empty());
        Some(Self { kind: self.kind, external_id: present(self.external_id), name: present(self.name) })
    }
}

impl QuestionDraft {
    fn check(self, index: usize, violations: &mut Violations) -> Option<NewQuestion> {
        let field = |name: &str| format!("questions[{index}].{name}");
        if self.kind.is_none() {
            violations.add(field("type"), "is required");
        }
        check_length(field("text"), self.text.as_deref(), RatingLimits::TEXT_BYTES, violations);
        if let Some(language) = &self.language {
            let is_tag = !language.is_empty()
                && language.len() <= RatingLimits::LANGUAGE_BYTES
                && language.split('-').all(|part| {
                    (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
                });
            if !is_tag {
                let shown: String = language.chars().take(RatingLimits::LANGUAGE_BYTES).collect();
                violations.add(field("language"), format!("must be a BCP 47 tag like `en-GB`, is {shown:?}"));
            }
        }
        Some(NewQuestion { kind: self.kind?, text: self.text, language: self.language })
    }
}

pub(super) fn check_length(field: String, text: Option<&str>, most: usize, violations: &mut Violations) {
    if let Some(text) = text
        && text.len() > most
    {
        violations.add(field, format!("must be at most {most} bytes long, is {}", text.len()));
    }
}

pub(super) fn check_time(field: impl Into<String>, time: Option<UnixMillis>, violations: &mut Violations) {
    if let Some(time) = time
        && !(0..=UnixMillis::MAX.0).contains(&time.0)
    {
        let rule = "must lie between 1970-01-01 and the end of 9999";
        violations.add(field, format!("{rule}, is {} ms after 1970", time.0));
    }
}
