//! Records that were added later.

use super::*;

#[test]
fn the_answers_to_other_requests_are_read_as_they_were_written() {
    for (kind, answer) in [
        ("update_conversation", RequestAnswer::UpdateConversation { conversation: ID }),
        ("delete_conversation", RequestAnswer::DeleteConversation { conversation: ID }),
        ("undelete_conversation", RequestAnswer::UndeleteConversation { conversation: ID }),
    ] {
        let record =
            Request { fingerprint: [7; 32], create_time: UnixMillis::clamped(1_700_000_000_000), answer };
        check(&format!("request_{kind}"), &record);
    }
}

#[test]
fn listings_are_read_as_they_were_written() {
    let listing = Listing {
        create_time: UnixMillis::clamped(1_700_000_000_000),
        is_indexed: true,
        is_deleted: false,
        settled_version: Some(3),
        failed_attempts: Some(5),
        source: "custom".parse().unwrap(),
        status: Some(Status::Open),
        channel: Some(Channel::Voicemail),
        assignee: Some("7".to_owned()),
        writers: vec!["7".to_owned(), "bot".to_owned()],
        tags: vec!["vip".to_owned()],
        score_tenths: Some(43),
        is_rated: true,
        held: None,
    };
    check("listing", &listing);
    let (first, last) = (UnixMillis::clamped(1_600_000_000_000), UnixMillis::clamped(1_600_000_002_000));
    check("listing_held", &Listing { held: Some(Held { first, last }), ..listing });
    check("listing_deleted", &Listing { is_deleted: true, ..Listing::default() });
    check("backfill", &Backfill { next: Some(ID), newest: None, by_held: false });
    check("backfill_held", &Backfill { next: Some(ID), newest: None, by_held: true });
    check("backfill_done", &Backfill { next: None, newest: None, by_held: false });
    let time = UnixMillis::clamped(1_700_000_000_123);
    check("backfill_newest", &Backfill { next: Some(ID), newest: Some(time), by_held: false });
}

#[test]
fn leases_open_numbers_and_cursors_are_read_as_they_were_written() {
    let expire_time = UnixMillis::clamped(1_700_000_000_123);
    check("lease", &Lease { holder: 7, epoch: 2, expire_time });
    check("open_numbers", &OpenNumbers { from: ID.0, expire_time });
    check("cursor", &Cursor { position: 7 });
}

#[test]
fn a_mark_of_the_clock_is_read_as_it_was_written() {
    let trusted = UnixMillis::clamped(1_700_000_000_123);
    check("clock_mark", &ClockMark { trusted, is_behind: true, returned: None });
    let returned = Some(UnixMillis::clamped(1_700_000_000_124));
    check("clock_mark_returned", &ClockMark { trusted, is_behind: false, returned });
}

#[test]
fn a_rating_is_read_as_it_was_written() {
    let time = UnixMillis::clamped(1_700_000_000_123);
    let author = |kind, id: &str| Author { kind, external_id: Some(id.parse().unwrap()), name: None };
    let question = |kind, answer| RatingQuestion {
        kind,
        text: Some("How was it?".to_owned()),
        language: Some("en".to_owned()),
        answer,
    };
    let answer = RatingAnswer { value: 4, comment: Some("Good".to_owned()), time };
    let rating = Rating {
        id: RATING,
        conversation: ID,
        user: author(AuthorKind::Contact, "cus_123"),
        agent: author(AuthorKind::Ai, "billing-agent"),
        source: "dixa".parse().unwrap(),
        channel: Channel::WidgetChat,
        offer_time: time,
        course: Course::default(),
        questions: vec![question(RatingType::Csat, None)],
        version: 1,
        create_time: time,
        update_time: time,
        imported_uuid: None,
    };
    check("rating_offered", &rating);
    check("rating_entry_offered", &rating.entry());
    let closed = Rating {
        course: Course {
            withheld: true,
            scheduled: true,
            expire_time: Some(UnixMillis::clamped(1_700_000_000_124)),
            cancel_time: Some(UnixMillis::clamped(1_700_000_000_125)),
            opt_out_time: Some(UnixMillis::clamped(1_700_000_000_126)),
        },
        questions: vec![
            question(RatingType::Csat, Some(answer.clone())),
            question(RatingType::Nps, Some(RatingAnswer { comment: None, ..answer })),
            question(RatingType::Thumbs, None),
        ],
        ..rating
    };
    check("rating_full", &closed);
    let uuid = std::array::from_fn::<u8, 16, _>(|place| place as u8).into();
    check("rating_imported", &Rating { imported_uuid: Some(uuid), ..closed.clone() });
    check("rating_number", &RatingNumber { rating: RATING });
    check("rating_entry_full", &closed.entry());
    check("opt_out", &OptOut { rating: RATING, time });
    for (kind, answer) in [
        ("offer_rating", RequestAnswer::OfferRating { conversation: ID, rating: RATING }),
        ("submit_rating", RequestAnswer::SubmitRating { conversation: ID, rating: RATING, time }),
        ("cancel_rating", RequestAnswer::CancelRating { conversation: ID, rating: RATING }),
    ] {
        let record = Request { fingerprint: [7; 32], create_time: time, answer };
        check(&format!("request_{kind}"), &record);
    }
}

#[test]
fn an_attachment_without_its_bytes_is_read_as_it_was_written() {
    let mut message = stored_message();
    for attachment in &mut message.details.as_mut().unwrap().attachments {
        attachment.is_missing = attachment.source_url.is_none();
    }
    check("segment_missing_attachment", &Segment { messages: vec![message] });
}
