//! Who is judged on a request that one agent leaves to another.

use super::*;
use crate::domain::{Answer, Unit};

/// The points and the reason of a criterion of `service-basics` in a worklog; absent where it does not apply.
fn answer(lines: &[&str], worklog: usize, criterion: &str) -> Option<(f64, String)> {
    let scored = SCORER.with(|scorer| scorer.score(&transcript(lines), UnixMillis::clamped(7)));
    let mut worklogs = scored.iter().filter(|scored| matches!(scored.unit, Unit::Worklog { .. }));
    let worklog = worklogs.nth(worklog).expect("there is such a worklog");
    let result = worklog.criteria.iter().find(|result| &*result.criterion_id == criterion)?;
    let Answer { score, reason, .. } = result.answer()?;
    Some((score.points(), reason.trim().to_owned()))
}

const PASSED_ON: &[&str] = &[
    "c: My card was declined but the money was taken. What happened?",
    "a: Let me transfer you to a colleague from payments.",
    "n: x",
    "t: The bank reserved 20 pounds and releases them tomorrow.",
];

#[test]
fn whoever_passed_the_customer_on_is_not_judged_on_the_answer() {
    assert_eq!(answer(PASSED_ON, 0, "no_open_question"), None);
    // Nobody took over, or nobody was announced.
    let (points, reason) = answer(&PASSED_ON[..2], 0, "no_open_question").unwrap();
    assert_eq!((points, reason.as_str()), (0.0, "The customer's last request has no answer."));
    let silent = [PASSED_ON[0], "a: We are looking into it.", PASSED_ON[3]];
    let (points, reason) = answer(&silent, 0, "no_open_question").unwrap();
    assert_eq!(
        (points, reason.as_str()),
        (0.0, "The customer's last request got no answer from this agent.")
    );
}

#[test]
fn whoever_did_not_write_again_is_not_judged_on_what_another_answered() {
    let asked =
        ["c: I was charged twice.", "t: Which invoice is it?", "c: Invoice 7", "t2: It is paid back."];
    assert_eq!(answer(&asked, 0, "no_open_question"), None);
    assert_eq!(answer(&asked, 1, "no_open_question").unwrap().0, 10.0);
}

#[test]
fn whoever_takes_over_an_open_request_is_judged_on_it() {
    let (_, reason) = answer(PASSED_ON, 1, "first_response").unwrap();
    assert_eq!(reason, "The first reply came after 20 s.");
    assert_eq!(
        answer(PASSED_ON, 1, "no_open_question").unwrap().1,
        "The customer's last request got a reply."
    );
    let good = answer(PASSED_ON, 1, "answers_the_question").unwrap().0;
    let held = [PASSED_ON[0], PASSED_ON[1], "t: We are looking into it."];
    assert_eq!(answer(&held, 1, "no_open_question").unwrap().0, 0.0);
    let poor = answer(&held, 1, "answers_the_question").unwrap().0;
    assert_eq!((poor, good), (0.0, 20.0));
}

#[test]
fn what_is_passed_on_is_left_to_whoever_takes_over_whatever_else_was_said() {
    let found = [
        PASSED_ON[0],
        "a: I can see two payments of 20.00 on 3 March. Let me transfer you to a colleague from payments.",
        PASSED_ON[3],
    ];
    assert_eq!(answer(&found, 0, "no_open_question"), None);
    assert_eq!(answer(&found, 1, "first_response").unwrap().1, "The first reply came after 10 s.");
    assert_eq!(answer(&found, 1, "no_open_question").unwrap().0, 10.0);
    // Answered for good before somebody else wrote.
    let answered = [found[0], PASSED_ON[3], "t2: My colleague has told you."];
    assert_eq!(answer(&answered, 1, "first_response"), None);
}

#[test]
fn sending_the_customer_away_answers_nothing() {
    for (asked, reply) in [
        (PASSED_ON[0], "t: Hi. Not my department."),
        (
            "c: Meine Karte wurde abgelehnt, das Geld ist trotzdem weg. Was ist passiert?",
            "t: Hallo. Dafür bin ich nicht zuständig.",
        ),
        (
            "c: Ma carte a été refusée mais l'argent est parti. Que s'est-il passé ?",
            "t: Bonjour. Ce n'est pas mon service.",
        ),
    ] {
        let lines = [asked, reply];
        assert_eq!(answer(&lines, 0, "no_open_question").unwrap().0, 0.0, "{reply}");
        assert_eq!(answer(&lines, 0, "answers_the_question").unwrap().0, 0.0, "{reply}");
    }
    let taken_over = [PASSED_ON[0], PASSED_ON[1], "t: Hi. Not my department."];
    assert_eq!(answer(&taken_over, 1, "no_open_question").unwrap().0, 0.0);
    assert_eq!(answer(&taken_over, 1, "answers_the_question").unwrap().0, 0.0);
}

#[test]
fn what_was_answered_or_settled_is_left_to_nobody() {
    let answered = [PASSED_ON[0], PASSED_ON[3], "t2: Bye"];
    assert_eq!(answer(&answered, 1, "no_open_question"), None);
    assert_eq!(answer(&answered, 1, "first_response"), None);
    let settled = [PASSED_ON[0], PASSED_ON[1], "c: Never mind, it works now.", "t: Happy to hear!"];
    assert_eq!(answer(&settled, 1, "no_open_question"), None);
}
