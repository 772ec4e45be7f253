//! `ListOptOuts` and `CreateOptOut`.

use crate::{
    domain::{OptOutDraft, Violations},
    error::Error,
    proto::v1,
    service::rating,
    wire::{author::author_from_wire, fields::present, names, rating::opt_out_to_wire, times},
};

use super::super::{edge::Edge, pages};

/// All opt-outs are one list.
const LIST: &str = "opt-outs";

impl Edge {
    pub(super) async fn opt_outs(
        &self,
        request: v1::ListOptOutsRequest,
    ) -> Result<v1::ListOptOutsResponse, Error> {
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let after = pages::place(&self.0, LIST, &request.page_token, &mut violations);
        violations.or(())?;
        let page =
            rating::list_opt_outs(self.call(), after.and_then(|place| pages::from_hex(&place)), size).await?;
        let (places, opt_outs): (Vec<_>, Vec<_>) = page.opt_outs.into_iter().unzip();
        let mut opt_outs: Vec<_> = opt_outs.into_iter().map(opt_out_to_wire).collect();
        let next = if pages::cut(&mut opt_outs) {
            opt_outs.len().checked_sub(1).and_then(|last| places.get(last).cloned())
        } else {
            page.next
        };
        let token = |place: Vec<u8>| self.0.page_token(LIST, pages::to_hex(&place));
        Ok(v1::ListOptOutsResponse { opt_outs, next_page_token: next.map(token).unwrap_or_default() })
    }

    pub(super) async fn opt_out(&self, request: v1::CreateOptOutRequest) -> Result<v1::OptOut, Error> {
        let mut violations = Violations::default();
        let opt_out = request.opt_out.unwrap_or_default();
        let conversation = present(opt_out.conversation)
            .and_then(|name| violations.take(names::parse_conversation("conversation", &name)));
        let time = opt_out.opt_out_time.as_ref();
        let draft = OptOutDraft {
            source: present(opt_out.source),
            customer: opt_out
                .customer
                .map(|customer| author_from_wire("customer", customer, &mut violations)),
            conversation,
            time: time.and_then(|time| times::checked("opt_out_time", time, &mut violations)),
        };
        let checked = draft.check(violations);
        let renamed = |found: Violations| found.renamed(|field| format!("opt_out.{field}"));
        let new = checked.map_err(renamed)?;
        let opt_out = rating::create_opt_out(self.call(), &new).await.map_err(|error| match error {
            Error::Invalid(found) => Error::Invalid(renamed(found)),
            other => other,
        })?;
        Ok(opt_out_to_wire(opt_out))
    }
}
