//! The second built-in scorecard: what it says of an agent is true, and it says nothing where that cannot be told.

use super::*;

/// The results of service basics for the first worklog.
fn basics(lines: &[&str]) -> Scored {
    let scored = SCORER.with(|scorer| scorer.score(&transcript(lines), UnixMillis::clamped(7)));
    scored.into_iter().find(|scored| scored.scorecard.base == "service-basics").expect("a worklog")
}

/// The points of a criterion with the reason; `None` where it does not apply.
fn answer(scored: &Scored, criterion: &str) -> Option<(i64, String)> {
    let result = scored.criteria.iter().find(|result| result.criterion_id == criterion).expect("it exists");
    result.answer().map(|answer| (answer.score.0 / 1000, answer.reason.clone()))
}

fn points(lines: &[&str], criterion: &str) -> Option<i64> {
    answer(&basics(lines), criterion).map(|(points, _)| points)
}

#[test]
fn words_of_the_subject_are_no_mood() {
    for request in [
        "We have not received invoice 7781 yet. Could you resend it?",
        "I lost my voucher code, can you send it again?",
        "I need to change the delivery address of order 55120, I typed the wrong house number",
        "My contract shows the wrong name. Please correct it to Maria.",
        "Is there a dark mode? My eyes hurt at night.",
        "My child is sick, can I move the appointment?",
        "The parcel arrived damaged. Can I get a replacement?",
        "There is a mistake in my invoice, the VAT number is missing.",
        "Any news on order 55120?",
        "Ich habe meinen Gutschein verloren, können Sie ihn noch einmal schicken?",
        "J'ai perdu mon code, pouvez-vous le renvoyer ?",
    ] {
        let request = format!("c: {request}");
        let lines = [request.as_str(), "t: Done, you will receive a mail within 2 hours."];
        assert_eq!(points(&lines, "empathy"), None, "{request}");
    }
    for complaint in [
        "This is unacceptable, where is my order?",
        "I have been waiting for three weeks for my refund.",
        "Your service is useless.",
        "Das ist eine Frechheit, wo bleibt mein Paket?",
        "C'est inadmissible.",
    ] {
        let complaint = format!("c: {complaint}");
        let lines = [complaint.as_str(), "t: It left our warehouse and will arrive tomorrow."];
        assert_eq!(points(&lines, "empathy"), Some(0), "{complaint}");
        let lines = [lines[0], "t: I am sorry about the delay. It will arrive tomorrow."];
        assert_eq!(points(&lines, "empathy"), Some(10), "{complaint}");
    }
}

#[test]
fn canned_words_take_nothing_up() {
    let angry = "c: This is unacceptable, where is my order?";
    for canned in [
        "t: Your concern is important to us. It will arrive tomorrow.",
        "t: Thank you for your patience. It will arrive tomorrow.",
    ] {
        assert_eq!(points(&[angry, canned], "empathy"), Some(0), "{canned}");
    }
    // Said to everybody, also before there was a reason to.
    let same = "a: I'm sorry to hear that! Please try reinstalling the app.";
    let lines = ["c: The app crashes since the update", same, "c: That is not what I asked.", same];
    assert_eq!(points(&lines, "empathy"), Some(0));
    let other = "a: I'm sorry that I sent you in circles. Please try version 2.1.";
    assert_eq!(points(&[lines[0], same, lines[2], other], "empathy"), Some(10));
    assert_eq!(points(&[angry, "t: I understand. It will arrive tomorrow."], "empathy"), None);
}

#[test]
fn no_reply_is_said_to_be_silent_on_how_it_goes_on_unless_it_holds_nothing() {
    for (request, reply) in [
        ("Where is my parcel?", "It is out for delivery and will be with you before 6 pm."),
        (
            "My router has no signal.",
            "I have opened a ticket with our technicians; they will call you tomorrow between 8 and 10.",
        ),
        ("Where is our order?", "Both lamps go out today."),
        ("Mein Internet ist langsam.", "Die Technik ist dran, bis 16 Uhr soll alles wieder laufen."),
        ("Bitte bestätigen Sie die Kündigung.", "Bitte rufen Sie dazu unsere Hotline unter 0800 123456 an."),
        ("Die Lampe ist defekt.", "Ich schicke Ihnen heute ein Reparaturset und erstatte 40 EUR."),
        ("Können Sie mir die Rechnung schicken?", "Die Rechnung habe ich Ihnen soeben per E-Mail geschickt."),
        ("Kargom ne zaman gelecek?", "Kargonuz bugün dağıtıma çıktı, akşama kadar elinizde olur."),
        ("La page ne s'affiche pas, que faire ?", "Videz le cache du navigateur et réessayez."),
        ("La aspiradora no funciona, ¿qué hago?", "Limpia el filtro y vuelve a probar."),
        ("Do you ship to Norway?", "Yes, we do."),
        ("What is my balance?", "Could you tell me your customer number?"),
    ] {
        let (request, answer) = (format!("c: {request}"), format!("t: {reply}"));
        assert_ne!(points(&[&request, &answer], "next_step"), Some(0), "{reply}");
    }
    for (reply, expected) in [
        ("One moment please.", Some(0)),
        ("Your concern is important to us. We will get back to you as soon as possible.", Some(0)),
        ("Your order was cancelled and I have refunded 20 pounds.", Some(10)),
        ("Yes, we do.", None),
    ] {
        assert_eq!(
            points(&["c: Where is my order?", &format!("t: {reply}")], "next_step"),
            expected,
            "{reply}"
        );
    }
}

#[test]
fn short_answers_hold_something() {
    for (request, reply) in [
        ("Can I pay by invoice?", "Yes, choose invoice at checkout."),
        ("How do I change my email address?", "Under Profile > Contact."),
        ("Können Sie mir die Rechnung schicken?", "Anbei die Rechnung."),
        ("Please delete my data.", "Your data is gone."),
        ("Two questions: do you ship to Norway, and for how much?", "Hello, yes, we ship to Norway."),
    ] {
        let (request, reply) = (format!("c: {request}"), format!("t: {reply}"));
        let scored = basics(&[&request, &reply]);
        let expected = Some((20, "The replies are substantive.".to_owned()));
        assert_eq!(answer(&scored, "answers_the_question"), expected, "{reply}");
    }
    // One word may be anything, and a question back is no answer yet.
    for reply in ["t: Done.", "t: Sure, could you tell me the email address you used?"] {
        assert_eq!(points(&["c: Please delete my data.", reply], "answers_the_question"), None, "{reply}");
    }
    let put_off = basics(&["c: Please delete my data.", "t: One moment please."]);
    assert_eq!(answer(&put_off, "answers_the_question"), Some((0, "No reply is substantive.".to_owned())));
}

#[test]
fn where_a_language_is_not_read_nobody_is_said_to_be_respectful() {
    let swears = [
        "c: Hej, jag har inte fått min faktura ännu, kan ni skicka den igen?",
        "t: Håll käften din jävla idiot, vi skickar fakturan när vi vill.",
    ];
    let scored = basics(&swears);
    assert_eq!(answer(&scored, "respect"), None);
    let said =
        "The customer's and the agents' language (Swedish) is not read, so nothing is said of their words.";
    assert!(scored.summary.contains(said), "{}", scored.summary);
    let english = basics(&["c: Hi, I have not got my invoice yet, can you send it?", swears[1]]);
    assert!(english.summary.contains("The agents' language (Swedish) is not read"), "{}", english.summary);
    // A reply that can be read does not answer for one that cannot.
    let both =
        ["c: Hi, can you send me my invoice?", swears[1], "t: Hello, I have sent you the invoice today."];
    assert_eq!(answer(&basics(&both), "respect"), None);
}

#[test]
fn the_summary_names_the_knockout() {
    let lines = [
        "c: Please cancel the fine, I had a valid ticket.",
        "t: READ THE TERMS AND CONDITIONS. THE TICKET MUST BE VISIBLE. NO REFUND.",
    ];
    let summary = basics(&lines).summary;
    let said = "(0 %). Respect takes all points: 1 of the agent's messages is written in capitals.";
    assert!(summary.ends_with(said), "{summary}");
    let lines =
        [lines[0], "t: I don't give a damn, you idiot.", "t: READ THE TERMS AND CONDITIONS FIRST, IDIOT."];
    let (score, reason) = answer(&basics(&lines), "respect").expect("it is scored");
    assert_eq!(
        (score, reason.as_str()),
        (0, "The agent swears in 2 messages and writes in capitals in 1 message.")
    );
}

#[test]
fn one_is_said_as_one() {
    let one = basics(&["t: Hello, we have news."]);
    assert!(!one.summary.contains("over"), "{}", one.summary);
    let same = "a: You can find it in the app under Orders.";
    let again = basics(&["c: Where is my order?", same, "c: I cannot find it there", same]);
    let reason = answer(&again, "no_canned_answers").expect("it is scored").1;
    assert_eq!(reason, "1 of 2 replies repeats an earlier one.");
    let names = ["cmn", "nob", "deu"].map(crate::scoring::text::Language::name_of);
    assert_eq!(names, ["Chinese", "Norwegian", "German"]);
}
