//! What short messages say, in every language that is read.

use super::*;
use crate::scoring::text::Signal;

/// Language, text, a signal that it gives, signals that it does not give.
type Case = (&'static str, &'static str, Signal, &'static [Signal]);

fn check(side: Side, cases: &[Case]) {
    let mut faults = Vec::new();
    for (code, text, expected, others) in cases {
        let reading = given(code, side, text);
        if !reading.signals.has(*expected) {
            faults.push(format!("{code} {text:?} gives no {expected:?}"));
        }
        for other in others.iter().filter(|other| reading.signals.has(**other)) {
            faults.push(format!("{code} {text:?} gives {other:?}"));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

use Signal::{
    ActionDone, Anger, Apology, Complaint, Confirmation, Correction, DataRequest, Deferral, HumanRequest,
    Inability, Leaving, Praise, Problem, Request, Thanks, Unsolved, Waiting,
};

#[test]
fn customers_say_that_it_is_solved() {
    check(
        Side::Customer,
        &[
            ("en", "That was quick, I can print again", Confirmation, &[Unsolved]),
            ("en", "It arrived this morning, all fine", Confirmation, &[Unsolved]),
            ("en", "The problem has been resolved", Confirmation, &[Unsolved]),
            ("en", "never mind, I found it myself", Confirmation, &[Unsolved]),
            ("de", "Super, vielen Dank, damit ist alles erledigt!", Confirmation, &[Unsolved]),
            ("de", "jetzt funktioniert es wieder", Confirmation, &[Unsolved]),
            ("es", "ya está solucionado, gracias", Confirmation, &[Unsolved]),
            ("fr", "c'est bon, ça marche maintenant", Confirmation, &[Unsolved]),
            ("pt", "deu certo, já está funcionando", Confirmation, &[Unsolved]),
            ("nl", "het werkt weer, bedankt", Confirmation, &[Unsolved]),
            ("pl", "już działa, dziękuję", Confirmation, &[Unsolved]),
            ("tr", "sorun çözüldü, teşekkürler", Confirmation, &[Unsolved]),
            ("it", "ora funziona, grazie", Confirmation, &[Unsolved]),
            ("ja", "解決しました。ありがとうございます", Confirmation, &[Unsolved]),
            ("zh", "已经解决了，谢谢", Confirmation, &[Unsolved]),
        ],
    );
}

#[test]
fn customers_say_that_it_is_not_solved() {
    check(
        Side::Customer,
        &[
            ("en", "Not resolved.", Unsolved, &[Confirmation]),
            ("en", "The problem is not fixed", Unsolved, &[Confirmation]),
            ("en", "Perfect, it broke again", Unsolved, &[]),
            ("de", "Das Problem ist nicht gelöst", Unsolved, &[Confirmation]),
            ("de", "es funktioniert leider immer noch nicht", Unsolved, &[Confirmation]),
            ("es", "el problema no está resuelto", Unsolved, &[Confirmation]),
            ("fr", "ça ne marche toujours pas", Unsolved, &[Confirmation]),
            ("pt", "o problema não foi resolvido", Unsolved, &[Confirmation]),
            ("nl", "het is nog steeds niet opgelost", Unsolved, &[Confirmation]),
            ("pl", "problem nie został rozwiązany", Unsolved, &[Confirmation]),
            ("tr", "sorun hala çözülmedi", Unsolved, &[Confirmation]),
            ("it", "non funziona ancora", Unsolved, &[Confirmation]),
            ("ja", "まだ解決していません", Unsolved, &[Confirmation]),
            ("zh", "问题还是没有解决", Unsolved, &[Confirmation]),
        ],
    );
}

#[test]
fn thanks_count_when_they_are_sincere() {
    check(
        Side::Customer,
        &[
            ("en", "Thanks for nothing", Complaint, &[Thanks]),
            ("en", "Thanks for letting me wait three weeks", Complaint, &[Thanks]),
            ("en", "wow, thanks a lot for ignoring me", Complaint, &[Thanks]),
            ("en", "I can't complain", Praise, &[Complaint]),
            ("en", "nothing to complain about", Praise, &[Complaint]),
            ("en", "Can't thank you enough", Praise, &[Complaint]),
            ("de", "danke für nichts", Complaint, &[Thanks]),
            ("de", "da kann ich nicht meckern", Praise, &[Complaint]),
            ("es", "gracias por nada", Complaint, &[Thanks]),
            ("fr", "merci pour rien", Complaint, &[Thanks]),
            ("pt", "obrigado por nada", Complaint, &[Thanks]),
            ("nl", "bedankt voor niets", Complaint, &[Thanks]),
            ("pl", "dzięki za nic", Complaint, &[Thanks]),
            ("it", "grazie di niente", Complaint, &[Thanks]),
            ("en", "no problem, thanks", Thanks, &[]),
            ("de", "vielen Dank", Thanks, &[]),
            ("ja", "ありがとう", Thanks, &[]),
            ("zh", "谢谢你的帮助", Thanks, &[]),
        ],
    );
}

#[test]
fn customers_want_things() {
    check(
        Side::Customer,
        &[
            ("en", "Please also delete my account and all of my data. Thanks, Jane", Request, &[]),
            ("en", "No thanks, just give me my money back", Request, &[]),
            ("en", "Thanks, but the new one is broken as well", Unsolved, &[]),
            ("en", "You keep sending me in circles", Anger, &[]),
            ("en", "So you will not help me", Anger, &[]),
            ("en", "I will post about this", Anger, &[]),
            ("en", "I'd like a colleague instead of the bot", HumanRequest, &[]),
            ("en", "I need a train, I'm leaving from Leicester", Request, &[Leaving, Signal::Abandonment]),
            ("de", "ich möchte mein Geld zurück", Request, &[Confirmation]),
            ("de", "ich warte seit drei Wochen", Waiting, &[]),
            ("es", "quiero hablar con una persona", HumanRequest, &[]),
            ("fr", "je veux parler à un conseiller", HumanRequest, &[]),
            ("pt", "quero falar com um atendente", HumanRequest, &[]),
            ("nl", "ik wil een medewerker spreken", HumanRequest, &[]),
            ("pl", "chcę rozmawiać z konsultantem", HumanRequest, &[]),
            ("tr", "müşteri temsilcisiyle görüşmek istiyorum", HumanRequest, &[]),
            ("it", "vorrei parlare con un operatore", HumanRequest, &[]),
            ("ja", "オペレーターと話したい", HumanRequest, &[]),
            ("zh", "转人工", HumanRequest, &[]),
            ("de", "das habe ich nicht gefragt", Correction, &[]),
            ("es", "no me llegó el pedido", Problem, &[Confirmation]),
            ("fr", "je n'ai pas reçu ma commande", Problem, &[Confirmation]),
            ("ja", "注文した商品が届きません", Problem, &[Confirmation]),
            ("zh", "我还没有收到货", Problem, &[Confirmation]),
        ],
    );
}

#[test]
fn agents_tell_of_deeds_and_hold_off() {
    check(
        Side::Agents,
        &[
            ("en", "The second charge was refunded today", ActionDone, &[]),
            ("en", "I have returned the amount to your card", ActionDone, &[]),
            ("en", "I have checked the second charge and refunded it", ActionDone, &[]),
            ("en", "I'll look into it and get back to you", Deferral, &[ActionDone]),
            ("en", "Could you please provide your order number?", DataRequest, &[ActionDone]),
            ("de", "Ich habe Ihnen den Betrag heute erstattet", ActionDone, &[]),
            ("de", "leider wurde der Betrag noch nicht erstattet", Inability, &[ActionDone]),
            ("es", "su pedido ha sido enviado", ActionDone, &[]),
            ("fr", "votre commande a été expédiée", ActionDone, &[]),
            ("pt", "o valor foi estornado", ActionDone, &[]),
            ("nl", "ik heb het bedrag teruggestort", ActionDone, &[]),
            ("pl", "zwrot został zlecony", ActionDone, &[]),
            ("tr", "iadeniz yapıldı", ActionDone, &[]),
            ("it", "il rimborso è stato effettuato", ActionDone, &[]),
            ("ja", "返金いたしました", ActionDone, &[]),
            ("zh", "已为您退款", ActionDone, &[]),
            ("de", "das ist leider nicht möglich", Inability, &[]),
            ("ja", "申し訳ございません", Apology, &[]),
        ],
    );
}

#[test]
fn tones_are_told_in_every_language() {
    let pairs = [
        ("en", "great service, very friendly", "terrible service, very rude"),
        ("de", "sehr freundlich und hilfreich, ich bin begeistert", "sehr unfreundlich, ich bin enttäuscht"),
        ("es", "excelente servicio, muy amable", "pésimo servicio, muy mala atención"),
        ("fr", "excellent service, très agréable", "service horrible, je suis très déçu"),
        ("pt", "ótimo atendimento, muito bom", "péssimo atendimento, estou muito decepcionado"),
        ("nl", "geweldige service, heel vriendelijk", "slechte service, ik ben erg teleurgesteld"),
        ("pl", "świetna obsługa, bardzo miła", "okropna obsługa, jestem rozczarowany"),
        ("tr", "harika hizmet, çok memnun kaldım", "berbat hizmet, çok kötü"),
        ("it", "servizio ottimo, molto gentili", "servizio pessimo, sono deluso"),
        ("ja", "とても満足しています", "とても残念です、最悪です"),
        ("zh", "非常满意，服务很好", "非常失望，服务太差"),
    ];
    let negated = [
        ("en", "I am not happy"),
        ("de", "das ist nicht gut"),
        ("tr", "memnun değilim"),
        ("ja", "満足していません"),
        ("zh", "不满意"),
    ];
    let mut faults = Vec::new();
    let tone = |code: &str, text: &str| given(code, Side::Customer, text).sentiment.unwrap_or_default();
    for (code, good, bad) in pairs {
        faults.extend((tone(code, good) < 0.2).then(|| format!("{good:?} is {}", tone(code, good))));
        faults.extend((tone(code, bad) > -0.2).then(|| format!("{bad:?} is {}", tone(code, bad))));
    }
    for (code, text) in negated {
        faults.extend((tone(code, text) >= 0.0).then(|| format!("{text:?} is {}", tone(code, text))));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn questions_are_told_without_their_mark() {
    let asks = [
        ("en", "where is my order"),
        ("de", "wo bleibt mein Paket"),
        ("es", "dónde está mi pedido"),
        ("fr", "où est mon colis"),
        ("pt", "onde está meu pedido"),
        ("nl", "waar blijft mijn pakket"),
        ("pl", "gdzie jest moja paczka"),
        ("tr", "iade yapabilir miyim"),
        ("it", "dov'è il mio pacco"),
        ("ja", "注文はどこですか"),
        ("zh", "可以退款吗"),
    ];
    for (code, text) in asks {
        assert!(given(code, Side::Customer, text).asks, "{text}");
    }
    for (code, text) in [("en", "What a day!"), ("en", "see \u{e000} please"), ("zh", "已经收到了")] {
        assert!(!given(code, Side::Customer, text).asks, "{text}");
    }
}

#[test]
fn placeholders_are_figures_and_nothing_else() {
    let with = customer("please look at \u{e000} for order \u{e001}");
    assert!(with.has_figures && !with.asks && !with.shouts && with.counts.sentences == 1);
    assert_eq!(with.counts.words, 7);
    assert_eq!(customer("please look at for order").content_words, with.content_words);
}

#[test]
fn capitals_shout_only_as_words_of_the_language() {
    assert!(given("en", Side::Customer, "WHERE IS MY ORDER").shouts);
    assert!(!given("en", Side::Customer, "PDF, CSV, XML.").shouts);
    assert!(!given("en", Side::Customer, "he wrote \"I WANT MY MONEY BACK\" to me").shouts);
    assert!(given("de", Side::Customer, "WO IST MEIN GELD").shouts);
}

#[test]
fn words_of_others_are_not_sworn() {
    assert!(given("en", Side::Customer, "this is bullshit").signals.has(Signal::Profanity));
    assert!(
        !given("en", Side::Customer, "the mail said \"this is bullshit\"").signals.has(Signal::Profanity)
    );
}

#[test]
fn accents_may_be_left_out_or_be_characters_of_their_own() {
    let plain = given("es", Side::Customer, "ya esta solucionado");
    let decomposed = given("es", Side::Customer, "ya esta\u{301} solucionado");
    assert!(plain.signals.has(Confirmation) && decomposed.signals.has(Confirmation));
    assert!(given("de", Side::Customer, "das Problem ist geloest").signals.has(Confirmation));
}

#[test]
fn a_date_is_known() {
    for (code, text) in [
        ("en", "it ships tomorrow"),
        ("de", "es kommt am Freitag"),
        ("zh", "3天内到账"),
        ("ja", "明日届きます"),
    ] {
        assert!(given(code, Side::Agents, text).has_date, "{text}");
    }
    assert!(!given("zh", Side::Agents, "我们聊天吧").has_date);
}

#[test]
fn inflected_words_are_the_same_word() {
    let pairs = [
        ("en", "charged twice", "charges twice"),
        ("de", "meine Bestellung", "meine Bestellungen"),
        ("es", "mi pedido", "mis pedidos"),
    ];
    for (code, left, right) in pairs {
        let (left, right) = (given(code, Side::Customer, left), given(code, Side::Customer, right));
        assert_eq!(left.sketch, right.sketch, "{code}");
    }
}

#[test]
fn a_regret_stays_with_its_sentence() {
    let text = "Unfortunately we do not ship there. I have refunded the order. Sorry for the delay.";
    let sentences = given("en", Side::Agents, text).sentences;
    let has = |place: usize, signal| sentences[place].signals.has(signal);
    assert_eq!([0, 1, 2].map(|place| has(place, Inability)), [true, false, false]);
    assert_eq!([0, 1, 2].map(|place| has(place, ActionDone)), [false, true, false]);
    assert_eq!([0, 1, 2].map(|place| has(place, Apology)), [false, false, true]);
}

#[test]
fn a_word_for_a_person_asks_for_one_where_it_stands_alone() {
    let alone = [
        ("en", "agent"),
        ("en", "Operator please!"),
        ("de", "Mitarbeiter!"),
        ("es", "un asesor"),
        ("fr", "conseiller svp"),
        ("pt", "atendente"),
        ("nl", "medewerker medewerker"),
        ("it", "operatore"),
        ("pl", "konsultant"),
        ("tr", "temsilci lütfen"),
        ("ja", "オペレーター"),
        ("zh", "人工人工"),
    ];
    for (code, text) in alone {
        assert!(given(code, Side::Customer, text).signals.has(HumanRequest), "{code} {text:?}");
    }
    for text in ["the agent told me so", "is the operator of the line", "manager of the shop"] {
        assert!(!given("en", Side::Customer, text).signals.has(HumanRequest), "{text:?}");
    }
}
