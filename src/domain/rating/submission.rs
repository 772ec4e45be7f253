//! Answering an offer: which answers it accepts, and the result.

use minicbor::Encode;

use super::{Course, Rating, RatingAnswer, RatingQuestion, RatingState, RatingType};
use crate::domain::{
    Path, UnixMillis, Violations, limits,
    rules::{self, required},
};

/// What a customer sent back. Its encoding is what tells one request from another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode)]
pub struct Submission {
    /// All or some of the questions, each once.
    #[n(0)]
    pub answers: Vec<NewAnswer>,
    /// `true`: the customer opts out of being asked again. `false`: they opt back in.
    #[n(1)]
    pub opt_out: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct NewAnswer {
    #[n(0)]
    pub question: QuestionRef,
    #[n(1)]
    pub value: Option<i64>,
    #[n(2)]
    pub comment: Option<String>,
    /// Absent: now.
    #[n(3)]
    pub time: Option<UnixMillis>,
}

/// Which question an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode)]
pub enum QuestionRef {
    /// By position, from 0.
    #[n(0)]
    Place(#[n(0)] u64),
    /// The first one of this type.
    #[n(1)]
    OfType(#[n(0)] RatingType),
    /// The only one.
    #[n(2)]
    Only,
}

/// Why a submission was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    Invalid(Violations),
    /// The offer is in this state, in which it accepts no answers.
    Closed(RatingState),
}

impl Rating {
    /// The rating with these answers replacing earlier ones: those that arrived earlier while the offer is open, and those that were
    /// given earlier once it has closed. `late_millis`: for how long after it has closed an offer takes answers that were given
    /// before.
    pub fn submit(
        &self,
        submission: &Submission,
        now: UnixMillis,
        late_millis: i64,
    ) -> Result<Self, Refused> {
        let mut changed = self.clone();
        changed.version = self.version.saturating_add(1);
        changed.update_time = now;
        if submission.opt_out == Some(false) {
            changed.course.opt_out_time = None;
        }
        let mut violations = Violations::default();
        if submission.answers.is_empty() && submission.opt_out.is_none() {
            violations.add("answers", "must have at least one item where opt_out is absent");
        }
        let is_closed = changed.course.closing().is_some_and(|closing| closing <= now);
        let mut seen = Vec::new();
        for (index, answer) in submission.answers.iter().enumerate().take(limits::QUESTIONS + 1) {
            let at = Path::ROOT.item("answers", index);
            let Some(place) = answer.question.place(&self.questions) else {
                let (name, rule) = answer.question.refusal(&self.questions);
                violations.add(at.field(name), rule);
                continue;
            };
            if seen.contains(&place) {
                violations.add(at.field("question"), format!("must come once, {place} comes twice"));
                continue;
            }
            seen.push(place);
            let Some(question) = changed.questions.get_mut(place) else { continue };
            if let Some(time) = answer.time {
                violations.check(at.field("answer_time"), time.has_happened(now));
            }
            let given = checked(question.kind, answer, now, at, &mut violations);
            let known = question.answer.take();
            let stays = |known: &RatingAnswer| {
                is_closed && given.as_ref().is_some_and(|given| given.time <= known.time)
            };
            question.answer = known.filter(stays).or(given);
        }
        violations.or(()).map_err(Refused::Invalid)?;
        changed.course.admit(submission, self.offer_time, now, late_millis).map_err(Refused::Closed)?;
        if submission.opt_out == Some(true) {
            changed.course.opt_out_time = changed.course.opt_out_time.or(Some(now));
        }
        Ok(changed)
    }

    /// The rating cancelled. Cancelling again changes nothing.
    pub fn cancel(&self, now: UnixMillis) -> Result<Option<Self>, RatingState> {
        match self.state(now) {
            RatingState::Cancelled => Ok(None),
            RatingState::Rated => Err(RatingState::Rated),
            _ => {
                let mut changed = self.clone();
                changed.version = self.version.saturating_add(1);
                changed.update_time = now;
                changed.course.cancel_time = Some(now);
                Ok(Some(changed))
            }
        }
    }
}

impl Course {
    /// Whether a submission is taken now; else the state that forbids it.
    fn admit(
        &self,
        submission: &Submission,
        offer_time: UnixMillis,
        now: UnixMillis,
        late_millis: i64,
    ) -> Result<(), RatingState> {
        let state = self.state(offer_time, now);
        let is_taken = match (submission.answers.as_slice(), state) {
            // Whoever was asked may opt out at any time.
            ([], state) => state.was_asked(),
            (_, RatingState::Offered) => true,
            (answers, RatingState::Expired | RatingState::OptedOut) => {
                self.closing().is_some_and(|closing| {
                    // An answer without a time is given now, which is too late.
                    answers.iter().all(|answer| answer.time.is_some_and(|time| time < closing))
                        && now.millis_since(closing) <= late_millis
                })
            }
            _ => false,
        };
        if is_taken { Ok(()) } else { Err(state) }
    }

    /// Whether the offer was open to an answer at the time at which it was given.
    pub fn was_open(&self, offer_time: UnixMillis, answer_time: UnixMillis) -> bool {
        self.cancel_time.is_none()
            && !self.withheld
            && (!self.scheduled || offer_time <= answer_time)
            && self.closing().is_none_or(|closing| answer_time < closing)
    }

    /// When it closed, or will: it expires, or the customer opted out. No answer given from then on is taken.
    pub fn closing(&self) -> Option<UnixMillis> {
        [self.expire_time, self.opt_out_time].into_iter().flatten().min()
    }
}

impl QuestionRef {
    /// The position of the question that is meant.
    pub fn place(self, questions: &[RatingQuestion]) -> Option<usize> {
        match self {
            Self::Place(place) => usize::try_from(place).ok().filter(|place| *place < questions.len()),
            Self::OfType(kind) => questions.iter().position(|question| question.kind == kind),
            Self::Only => (questions.len() == 1).then_some(0),
        }
    }

    /// The field and the rule that are broken if no question is meant.
    fn refusal(self, questions: &[RatingQuestion]) -> (&'static str, String) {
        let count = questions.len();
        match self {
            Self::Place(place) => {
                ("question", format!("must be 0 to {}, is {place}", count.saturating_sub(1)))
            }
            Self::OfType(_) => {
                ("type", "must be the type of a question of the offer, which has none of this one".to_owned())
            }
            Self::Only => ("type", format!("is required: the offer has {count} questions")),
        }
    }
}

/// `None` when it is invalid; the violation is then recorded.
pub(super) fn checked(
    kind: RatingType,
    answer: &NewAnswer,
    now: UnixMillis,
    at: Path<'_>,
    violations: &mut Violations,
) -> Option<RatingAnswer> {
    let comment = answer.comment.as_deref();
    violations.check(at.field("comment"), rules::max_bytes(comment, limits::COMMENT_BYTES));
    let value = violations.check(at.field("value"), required(answer.value))?;
    let (least, most) = kind.values().into_inner();
    let within = u8::try_from(value).ok().filter(|value| kind.values().contains(value));
    let rule = within.ok_or_else(|| format!("must be {least} to {most} for what was asked, is {value}"));
    let value = violations.check(at.field("value"), rule)?;
    let comment = answer.comment.clone().filter(|comment| !comment.is_empty());
    Some(RatingAnswer { value, comment, time: answer.time.unwrap_or(now) })
}
