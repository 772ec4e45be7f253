//! A conversation as it would be stored, for looking at it without storing it.

use super::{Conversation, Held, NewConversation, Transcript};
use crate::domain::{
    Attachment, AttachmentId, Channel, ConversationId, LastAnswers, Message, MessageId, Rating, RatingId,
    UnixMillis,
};

impl NewConversation {
    /// The transcript, with messages numbered from 1 on.
    pub fn preview(&self, is_automatic: impl Fn(&Message) -> bool) -> Transcript {
        let numbered = (1..).zip(&self.messages);
        let messages: Vec<_> = numbered
            .map(|(number, new)| {
                let mut message = new.message(MessageId(number));
                if let (Some(details), Some(new)) = (&mut message.details, &new.details) {
                    let named = new
                        .attachments
                        .iter()
                        .map(|new| Attachment::missing(AttachmentId(0), &new.file_name));
                    details.attachments.extend(named);
                }
                message
            })
            .collect();
        let time = messages.last().map_or(UnixMillis::clamped(0), |message| message.create_time);
        let mut conversation = Conversation {
            subject: self.subject.clone(),
            language: self.language.clone(),
            message_count: messages.len() as u32,
            held: Held::of(&messages),
            ..Conversation::new(ConversationId(0), self.source.clone(), self.external_id.clone(), time)
        };
        if let Some(handling) = &self.handling {
            conversation.handling = handling.begin(MessageId(0), &messages, is_automatic);
        }
        Transcript { conversation, messages }
    }

    /// What the customer answered last in the ratings that come with it.
    pub fn last_answers(&self) -> LastAnswers {
        let ratings: Vec<Rating> = (0..)
            .zip(&self.ratings)
            .map(|(number, new)| {
                new.stored(
                    RatingId(number),
                    ConversationId(0),
                    &self.source,
                    Channel::WidgetChat,
                    UnixMillis::clamped(0),
                )
            })
            .collect();
        LastAnswers::of(ratings.iter())
    }
}
