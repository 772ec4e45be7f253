//! Which language a message is in.

use super::*;

const READ: [&str; 11] = ["eng", "deu", "spa", "fra", "por", "nld", "ita", "pol", "tur", "jpn", "cmn"];

/// Short messages with the code of their language.
fn messages() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("messages.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once('\t').expect("a line is: code, tab, text"))
}

/// The languages of a conversation's messages.
fn languages(messages: &[(Side, &str)], given: Option<&str>) -> Vec<Option<&'static str>> {
    let readings = read(messages.iter().copied(), given.and_then(Language::from_code));
    readings.iter().map(|reading| reading.language.map(|language| language.0)).collect()
}

#[test]
fn a_short_message_alone_is_told_or_absent() {
    let (mut told, mut read, mut faults) = (0, 0, Vec::new());
    for (code, text) in messages() {
        let found = customer(text).language.map(|language| language.0);
        read += usize::from(READ.contains(&code));
        told += usize::from(READ.contains(&code) && found == Some(code));
        if found.is_some_and(|found| found != code && READ.contains(&found)) {
            faults.push(format!("{text:?} is {code}, not {found:?}"));
        } else if found.is_none() {
            println!("{text:?} is {code}, absent");
        }
    }
    // Afrikaans is nearer to Dutch than some Dutch is.
    faults.retain(|fault| !fault.contains("is afr"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(told * 100 >= read * 90, "told {told} of {read}");
}

use Side::{Agents, Customer};

#[test]
fn a_message_that_tells_nothing_is_in_the_language_of_its_side() {
    let german =
        [(Customer, "Hallo, meine Bestellung ist nicht angekommen."), (Customer, "5512"), (Customer, "ok")];
    assert_eq!(languages(&german, None), [Some("deu"); 3]);
}

#[test]
fn a_side_that_tells_nothing_is_in_the_language_of_the_other() {
    let agents = (Agents, "Können Sie mir bitte Ihre Bestellnummer nennen?");
    assert_eq!(languages(&[agents, (Customer, "AB 5512 Müller")], None), [Some("deu"); 2]);
    // Many words of which none is German are no German.
    let unknown = (Customer, "dumela rra ke kopa gore lo nthuse ka pampiri ya me ya madi");
    assert_eq!(languages(&[agents, unknown], None), [Some("deu"), None]);
}

#[test]
fn two_sides_that_tell_little_are_told_together() {
    assert_eq!(
        languages(&[(Customer, "Is parking free?"), (Agents, "Parking is included.")], None),
        [Some("eng"); 2]
    );
    assert_eq!(languages(&[(Customer, "ok"), (Agents, "ok")], None), [None; 2]);
}

#[test]
fn sides_may_differ() {
    let messages = [
        (Customer, "Warum wurde mir der Betrag zweimal berechnet? Ich verstehe das nicht."),
        (Agents, "I can help you with your billing question, what is it about?"),
    ];
    assert_eq!(languages(&messages, None), [Some("deu"), Some("eng")]);
}

#[test]
fn a_message_in_another_language_than_its_side_is_read_as_what_it_is() {
    let messages = [
        (Customer, "Hello, I want to return my order, how do I do that?"),
        (Agents, "You can return it within 30 days, here is the label."),
        (Customer, "Ich habe das Paket heute zurückgeschickt, vielen Dank für die Hilfe"),
        (Customer, "thanks"),
    ];
    assert_eq!(languages(&messages, None), [Some("eng"), Some("eng"), Some("deu"), Some("eng")]);
}

#[test]
fn a_language_that_somebody_gives_decides_what_is_not_clear() {
    assert_eq!(languages(&[(Customer, "ok")], Some("pt-BR")), [Some("por")]);
    assert_eq!(languages(&[(Customer, "ok super")], Some("sv")), [Some("swe")]);
    assert_eq!(languages(&[(Customer, "ok")], Some("xx")), [None]);
    let german = (Customer, "Hallo, meine Bestellung ist noch nicht angekommen, wo bleibt sie?");
    assert_eq!(languages(&[german], Some("en")), [Some("deu")]);
}

#[test]
fn codes_of_languages_are_understood_as_people_write_them() {
    for (written, code) in [
        ("de", "deu"),
        ("DE-at", "deu"),
        ("ger", "deu"),
        ("zh_Hant", "cmn"),
        ("zho", "cmn"),
        ("ru", "rus"),
        ("rus", "rus"),
    ] {
        assert_eq!(Language::from_code(written), Some(Language(code)), "{written}");
    }
    assert_eq!(Language::from_code("klingon"), None);
    assert_eq!(Language::name_of("deu"), "German");
}

#[test]
fn japanese_and_chinese_are_told_by_their_script() {
    let japanese = [(Customer, "注文した商品がまだ届きません。"), (Customer, "了解")];
    assert_eq!(languages(&japanese, None), [Some("jpn"); 2]);
    let chinese = [(Customer, "我订的商品还没有到"), (Customer, "了解")];
    assert_eq!(languages(&chinese, None), [Some("cmn"); 2]);
    // A customer who writes no kana, and one of few words.
    for words in ["返金希望", "再発行希望。至急。", "注文確認"] {
        let short = [(Customer, words), (Agents, "ご返金の手続きをいたしました。")];
        assert_eq!(languages(&short, None), [Some("jpn"); 2], "{words}");
    }
    // What only Chinese is written with tells, however short it is.
    for words in ["我的订单在哪里", "还没收到货", "请问怎么退款"] {
        let short = [(Customer, words), (Agents, "ご返金の手続きをいたしました。")];
        assert_eq!(languages(&short, None), [Some("cmn"), Some("jpn")], "{words}");
    }
    // A Chinese customer of a Japanese shop.
    let mixed = [
        (Agents, "お問い合わせありがとうございます。"),
        (Customer, "我上周买的东西还没有收到，请帮我查一下"),
    ];
    assert_eq!(languages(&mixed, None), [Some("jpn"), Some("cmn")]);
}

#[test]
fn a_language_that_is_not_read_has_no_words() {
    let texts = [
        "Hej, jag beställde en vara för två veckor sedan men den har inte kommit. Tack för hjälpen!",
        "Здравствуйте, мой заказ до сих пор не пришёл. Спасибо за помощь, это ужасно!",
        "Γεια σας, η παραγγελία μου δεν έχει φτάσει ακόμα. Ευχαριστώ πολύ!",
        "Dobrý den, moje objednávka stále nedorazila, je to hrozné. Děkuji!",
        "สวัสดีครับ สินค้ายังไม่มาถึง ขอบคุณมาก",
    ];
    for text in texts {
        let reading = customer(text);
        assert!(!reading.is_read, "{text}: {:?}", reading.language);
        assert!(reading.signals.is_empty() && reading.sentiment.is_none() && !reading.shouts, "{text}");
        assert!(reading.counts.words > 5 && !reading.sketch.is_empty(), "{text}");
    }
}

#[test]
fn a_language_that_is_not_read_is_named_where_that_is_sure() {
    assert_eq!(customer("Η παραγγελία μου δεν έχει φτάσει").language, Some(Language("ell")));
    assert_eq!(customer("주문이 아직 안 왔어요").language, Some(Language("kor")));
    let swedish = "Hej, jag beställde en vara för två veckor sedan men den har inte kommit.";
    assert_eq!(customer(swedish).language, Some(Language("swe")));
    // `whatlang` is sure that this is Bulgarian.
    let russian = "Здравствуйте, я заказала у вас телефон две недели назад, но он до сих пор не пришёл. \
                   Скажите, пожалуйста, когда вы его отправите и почему мне никто не отвечает?";
    assert_eq!(customer(russian).language, None);
}
