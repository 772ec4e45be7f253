//! The time that scoring takes, without store or network: `cargo bench --bench scoring`.

#[path = "common/programs.rs"]
mod programs;

use std::{
    error::Error,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use plaudit::{
    domain::{
        Author, AuthorKind, Conversation, ConversationId, ExternalId, Message, MessageId, MessageKind,
        RevisionRef, SourceName, Transcript, UnixMillis,
    },
    scoring::{Scorecard, Scorer, builtins, written, yaml},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    if programs::compare()? {
        return Ok(());
    }
    let began = Instant::now();
    let scorer = scorer()?;
    println!("both built-in scorecards ready after {:.1} ms", began.elapsed().as_secs_f64() * 1000.0);
    let three = [
        (AuthorKind::Contact, "Why was I charged twice?".to_owned()),
        (AuthorKind::Ai, "I can help with billing.".to_owned()),
        (AuthorKind::Teammate, "I have refunded the second payment. Anything else?".to_owned()),
    ];
    let eight = [
        (AuthorKind::Contact, "Hello, my order 5512 should have arrived on Monday and it is still not here."),
        (AuthorKind::Ai, "Hi! I'm sorry to hear that. Could you give me the e-mail address of your account, please?"),
        (AuthorKind::Contact, "mia@example.com. I have been waiting for two weeks now, where is my parcel?"),
        (AuthorKind::Ai, "I'll connect you with a colleague from our delivery team who can look into this."),
        (AuthorKind::Teammate, "Hi Mia, I have checked the tracking: the parcel got lost. I sent a replacement today, it will arrive on Friday."),
        (AuthorKind::Contact, "That is not what I want, can you refund me instead?"),
        (AuthorKind::Teammate, "Of course. I have refunded the 49.90 to your card, you will see it within 3 days. Is there anything else I can do?"),
        (AuthorKind::Contact, "No, that was all. Thank you so much for your help!"),
    ]
    .map(|(kind, text)| (kind, text.to_owned()));
    let thousand = (0..500).flat_map(|index| {
        let question = format!("Question {index}: why was I charged {index} times for order {index}?");
        let answer = format!("Hello, I refunded order {index}, it takes 3 days. Anything else?");
        [(AuthorKind::Contact, question), (AuthorKind::Teammate, answer)]
    });
    let hostile = ["thanks not ", "\u{8c22}\u{8c22}\u{4e0d}", "zwrot_"].map(|unit| {
        let text = unit.repeat(4 * 1024 * 1024 / unit.len());
        (AuthorKind::Contact, text)
    });
    for (name, transcript, rounds) in [
        ("3 messages", transcript(three), 2000),
        ("8 messages", transcript(eight), 1000),
        ("1000 messages", transcript(thousand), 20),
        ("3 hostile messages of 4 MiB", transcript(hostile), 5),
    ] {
        if !wants(name) {
            continue;
        }
        let mut times: Vec<Duration> = (0..9).map(|_| each(&scorer, &transcript, rounds)).collect();
        times.sort_unstable();
        println!("{name}: {:.0} µs (median of 9 runs)", times[4].as_secs_f64() * 1e6);
    }
    if wants("hostile mails") {
        hostile_mails();
    }
    Ok(())
}

/// Whether a part is to be measured: one whose name begins with `ONLY`.
fn wants(part: &str) -> bool {
    std::env::var("ONLY").map_or(true, |only| part.starts_with(&only))
}

/// Messages of 4 MiB that are nothing but one part, again and again: the slowest is to take at most 200 ms.
fn hostile_mails() {
    const BYTES: usize = 4 * 1024 * 1024;
    let parts = [
        "<b>",
        "<blockquote>x",
        "<p>words of a mail",
        "&amp;",
        "<!--",
        "<a b=c d=e>",
        "</x>",
        "\n",
        "> q\n",
        "a:\n",
        "wrote: ",
        "Best regards\nX\n",
        "[image: ",
        "This e-mail is confidential. ",
        "DE89 1234 ",
    ];
    let attributes: String = (0..BYTES / 8).map(|number| format!(" a{number}")).collect();
    let mut slowest = (Duration::ZERO, "");
    for (name, text) in parts
        .iter()
        .map(|part| (*part, part.repeat(BYTES / part.len())))
        .chain([("attributes", format!("<p{attributes}>words</p>"))])
    {
        let transcript = transcript([(AuthorKind::Contact, text)]);
        let began = Instant::now();
        for message in &transcript.messages {
            black_box(written::of(black_box(message)));
        }
        slowest = slowest.max((began.elapsed(), name));
    }
    println!("a hostile message of 4 MiB: at most {:.0} ms, {:?}", slowest.0.as_secs_f64() * 1e3, slowest.1);
}

fn each(scorer: &Scorer, transcript: &Transcript, rounds: u32) -> Duration {
    let began = Instant::now();
    for _ in 0..rounds {
        black_box(scorer.score(black_box(transcript), UnixMillis::clamped(0)));
    }
    began.elapsed() / rounds
}

fn scorer() -> Result<Scorer, Box<dyn Error>> {
    let mut scorecards = Vec::new();
    for builtin in builtins() {
        let file = yaml::parse(builtin.yaml).map_err(|violations| violations.to_string())?;
        let base = builtin.base.to_owned();
        let name = RevisionRef { base, base_id: builtin.base_id, ordinal: 1, revision_id: builtin.base_id };
        let compiled = Scorecard::compile(file.into_revision(name, UnixMillis::clamped(0)));
        scorecards.push(Arc::new(compiled.map_err(|violations| violations.to_string())?));
    }
    Ok(Scorer::new(scorecards))
}

fn transcript(messages: impl IntoIterator<Item = (AuthorKind, String)>) -> Transcript {
    let messages: Vec<Message> = (0..)
        .zip(messages)
        .map(|(index, (kind, content))| Message {
            id: MessageId(100 + index as u64),
            external_id: ExternalId::mended(format!("m{index}")),
            kind: MessageKind::Message,
            content,
            author: Author { kind, external_id: Some(ExternalId::mended(format!("{kind:?}"))), name: None },
            create_time: UnixMillis::clamped(1_700_000_000_000 + index * 10_000),
            ai_tool: None,
            details: None,
            update_time: None,
            is_automatic: false,
        })
        .collect();
    let new = Conversation::new(
        ConversationId(1),
        SourceName::mended("bench"),
        ExternalId::mended("1"),
        UnixMillis::clamped(0),
    );
    let conversation = Conversation { message_count: messages.len() as u32, ..new };
    Transcript { conversation, messages }
}
