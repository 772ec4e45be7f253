//! A rating that is stored already, under the same UUID.

use std::fmt;

use super::{Differences, is_known_as, shown_apart, shown_author};
use crate::domain::{
    Course, NewImportedRating, Path, Rating, RatingAnswer, RatingQuestion, RatingState, UnixMillis,
    Words as _, rules,
};

/// The rating with what is newer in the import, if anything is. What differs besides is named.
///
/// Whom, what and when the customer was asked is fixed with the offer.
pub fn take_rating(
    new: &NewImportedRating,
    stored: &Rating,
    now: UnixMillis,
    at: Path<'_>,
    differences: &mut Differences,
) -> Option<Rating> {
    name_fixed(new, stored, at, differences);
    let mut changed = stored.clone();
    if is_same_survey(&new.questions, &stored.questions) {
        for (index, (said, known)) in new.questions.iter().zip(&mut changed.questions).enumerate() {
            let at = at.item("questions", index);
            for (field, said, known) in
                [("text", &said.text, &known.text), ("language", &said.language, &known.language)]
            {
                if let Some(said) = said.as_ref().filter(|said| known.as_ref() != Some(said)) {
                    let shown = shown_apart(known.as_deref().unwrap_or_default(), said);
                    differences.add(at.field(field), shown, FIXED);
                }
            }
            take_answer(said.answer.as_ref(), known, stored, now, at.field("answer"), differences);
        }
    } else {
        let shown = (kinds(&stored.questions), kinds(&new.questions));
        differences.add(at.field("questions"), shown, FIXED);
    }
    take_cancellation(&new.course, &mut changed, now, at, differences);
    take_opt_out(&new.course, &mut changed, stored, now, at, differences);
    if changed == *stored {
        return None;
    }
    changed.version = stored.version.saturating_add(1);
    changed.update_time = now;
    Some(changed)
}

const FIXED: &str = "it is fixed when the rating is offered";
const FUTURE: &str = "it is in the future by the server's clock";

fn is_same_survey(said: &[RatingQuestion], known: &[RatingQuestion]) -> bool {
    said.len() == known.len() && said.iter().zip(known).all(|(said, known)| said.kind == known.kind)
}

fn kinds(questions: &[RatingQuestion]) -> String {
    questions.iter().map(|question| question.kind.word()).collect::<Vec<_>>().join(", ")
}

fn take_answer(
    said: Option<&RatingAnswer>,
    known: &mut RatingQuestion,
    stored: &Rating,
    now: UnixMillis,
    at: Path<'_>,
    differences: &mut Differences,
) {
    let Some(said) = said.filter(|said| known.answer.as_ref() != Some(said)) else { return };
    let is_later = known.answer.as_ref().is_none_or(|known| known.time < said.time);
    let is_open = said.time <= now.horizon() && stored.course.was_open(stored.offer_time, said.time);
    if is_later && is_open {
        known.answer = Some(said.clone());
        return;
    }
    let because = match (&known.answer, stored.course.closing()) {
        (Some(known), _) if !is_later => format!("only an answer after {} replaces it", known.time),
        (_, Some(closing)) if closing <= said.time => format!("the offer took no answers from {closing} on"),
        _ if said.time > now.horizon() => format!("it is in the future: the server's clock shows {now}"),
        _ => format!("the offer is {} and takes no answers", stored.state(now).word().replace('_', " ")),
    };
    let kept = known.answer.as_ref().map_or_else(String::new, shown_answer);
    differences.add(at, (kept, shown_answer(said)), because);
}

fn shown_answer(answer: &RatingAnswer) -> String {
    let comment = answer.comment.as_deref().map(|comment| format!(" {}", rules::shown(comment)));
    format!("{}{} at {}", answer.value, comment.unwrap_or_default(), answer.time)
}

/// What is answered is not cancelled, and what is cancelled stays so.
fn take_cancellation(
    said: &Course,
    changed: &mut Rating,
    now: UnixMillis,
    at: Path<'_>,
    differences: &mut Differences,
) {
    let known = changed.course.cancel_time;
    let Some(time) = said.cancel_time.filter(|time| known != Some(*time)) else { return };
    let because = match (known, changed.answer_time()) {
        (Some(_), _) => "it is cancelled already",
        (None, Some(_)) => "it has been answered, and can no longer be cancelled",
        (None, None) if time > now.horizon() => FUTURE,
        (None, None) => {
            changed.course.cancel_time = Some(time);
            return;
        }
    };
    differences.add(at.field("cancel_time"), (shown_time(known), time.to_string()), because);
}

/// An opt-out may have been undone here, since the rating was stored.
fn take_opt_out(
    said: &Course,
    changed: &mut Rating,
    stored: &Rating,
    now: UnixMillis,
    at: Path<'_>,
    differences: &mut Differences,
) {
    let known = stored.course.opt_out_time;
    let Some(time) = said.opt_out_time.filter(|time| known != Some(*time)) else { return };
    let is_newer = stored.version == 1 || stored.update_time < time;
    if known.is_none() && is_newer && time <= now.horizon() {
        changed.course.opt_out_time = Some(time);
        return;
    }
    let because = match known {
        Some(_) => "the customer has opted out already".to_owned(),
        None if time > now.horizon() => FUTURE.to_owned(),
        None => format!("the rating was changed here at {}", stored.update_time),
    };
    differences.add(at.field("opt_out_time"), (shown_time(known), time.to_string()), because);
}

fn shown_time(time: Option<UnixMillis>) -> String {
    time.map_or_else(String::new, |time| time.to_string())
}

fn name_fixed(new: &NewImportedRating, stored: &Rating, at: Path<'_>, differences: &mut Differences) {
    let mut name = |field: &str, kept: &dyn fmt::Display, given: &dyn fmt::Display| {
        let shown = shown_apart(&kept.to_string(), &given.to_string());
        differences.add(at.field(field), shown, FIXED);
    };
    if new.offer_time != stored.offer_time {
        name("offer_time", &stored.offer_time, &new.offer_time);
    }
    if let Some(time) = new.course.expire_time.filter(|time| stored.course.expire_time != Some(*time)) {
        name("expire_time", &shown_time(stored.course.expire_time), &time);
    }
    if let Some(channel) = new.channel.filter(|channel| *channel != stored.channel) {
        name("channel", &stored.channel.word(), &channel.word());
    }
    if new.course.withheld && !stored.course.withheld {
        name("state", &"offered", &RatingState::Unscheduled.word());
    }
    if new.names_user && !is_known_as(&new.user, &stored.user) {
        name("user", &shown_author(&stored.user), &shown_author(&new.user));
    }
    if new.names_agent && !is_known_as(&new.agent, &stored.agent) {
        name("agent", &shown_author(&stored.agent), &shown_author(&new.agent));
    }
}
