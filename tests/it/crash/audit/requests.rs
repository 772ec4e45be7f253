//! The answers to requests with ids: they name existing things.

use plaudit::store::records::{Request, RequestAnswer};

use super::{Disk, conversations::Conversations};

/// Returns how many there are.
pub fn audit(disk: &Disk, conversations: &Conversations) -> usize {
    let requests = disk.records::<Request>(0x50);
    let count = requests.len();
    for (key, request) in requests {
        let named = match request.answer {
            RequestAnswer::ImportConversation { conversation, .. }
            | RequestAnswer::StoreMessage { conversation, .. }
            | RequestAnswer::UpdateMessage { conversation, .. }
            | RequestAnswer::DeleteMessage { conversation, .. }
            | RequestAnswer::OfferRating { conversation, .. }
            | RequestAnswer::SubmitRating { conversation, .. }
            | RequestAnswer::CancelRating { conversation, .. }
            | RequestAnswer::UpdateConversation { conversation }
            | RequestAnswer::DeleteConversation { conversation }
            | RequestAnswer::UndeleteConversation { conversation } => conversation,
            // A team may have been deleted since; people stay, as the audit of memberships proves.
            RequestAnswer::UpdatePerson(_)
            | RequestAnswer::CreateTeam(_)
            | RequestAnswer::UpdateTeam(_)
            | RequestAnswer::DeleteTeam => continue,
        };
        assert!(conversations.contains_key(&named), "{key:02x?} refers to {named}, which does not exist");
    }
    count
}
