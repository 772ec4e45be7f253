//! `ListRatings` and `SummarizeRatings`: filters, pages, tokens.

use crate::{
    domain::{RatingFilter, RatingId, UnixMillis, Violations},
    error::Error,
    proto::v1,
    service::{
        conversation,
        rating::{self, Place},
    },
    wire::{filters, names, rating::summary_to_wire},
};

use super::super::{edge::Edge, pages};

impl Edge {
    pub(super) async fn list(
        &self,
        request: v1::ListRatingsRequest,
    ) -> Result<v1::ListRatingsResponse, Error> {
        let mut violations = Violations::default();
        let size = pages::size(request.page_size, &mut violations);
        let filter = filters::ratings(request.filter.unwrap_or_default(), &mut violations);
        if request.parent == names::ALL_CONVERSATIONS {
            self.list_all(&filter, size, &request.page_token, violations).await
        } else {
            self.list_one(&request.parent, &filter, size, &request.page_token, violations).await
        }
    }

    async fn list_all(
        &self,
        filter: &RatingFilter,
        size: usize,
        token: &str,
        mut violations: Violations,
    ) -> Result<v1::ListRatingsResponse, Error> {
        let arguments = format!("ratings of all, {filter:?}");
        let place = pages::place(&self.0, &arguments, token, &mut violations);
        violations.or(())?;
        let place = place.as_deref().and_then(place_from_text);
        let page = rating::list_ratings(self.call(), filter, place, size).await?;
        let text = |(time, id): Place| format!("{}-{id}", time.millis());
        let kept = page.ratings.iter().map(|rating| (rating.offer_time, rating.id)).collect();
        let ratings = page.ratings.into_iter().map(|rating| self.rating_to_wire(rating)).collect();
        Ok(self.ratings_to_wire(ratings, kept, page.next, &arguments, text))
    }

    async fn list_one(
        &self,
        parent: &str,
        filter: &RatingFilter,
        size: usize,
        token: &str,
        mut violations: Violations,
    ) -> Result<v1::ListRatingsResponse, Error> {
        let parent = violations.take(names::parse_conversation("parent", parent));
        let Some(parent) = parent else { return Err(violations.into()) };
        // A token is valid for one conversation, so it can only be checked now.
        let id = conversation::resolve(self.call(), &parent).await?;
        let arguments = format!("ratings of {id}, {filter:?}");
        let after = pages::place_number(&self.0, &arguments, token, &mut violations);
        violations.or(())?;
        let page = rating::list_ratings_of(self.call(), id, filter, RatingId(after), size).await?;
        let kept = page.ratings.iter().map(|rating| rating.id).collect();
        let ratings = page.ratings.into_iter().map(|rating| self.rating_to_wire(rating)).collect();
        Ok(self.ratings_to_wire(ratings, kept, page.next, &arguments, |id: RatingId| id.to_string()))
    }

    /// Cuts a page to the size limit. `places` are the positions of the ratings.
    fn ratings_to_wire<P: Copy>(
        &self,
        mut ratings: Vec<v1::Rating>,
        places: Vec<P>,
        mut next: Option<P>,
        arguments: &str,
        text: impl Fn(P) -> String,
    ) -> v1::ListRatingsResponse {
        if pages::cut(&mut ratings) {
            next = ratings.len().checked_sub(1).and_then(|last| places.get(last).copied());
        }
        let next_page_token = next.map(|place| self.0.page_token(arguments, text(place))).unwrap_or_default();
        v1::ListRatingsResponse { ratings, next_page_token }
    }

    pub(super) async fn summarize(
        &self,
        request: v1::SummarizeRatingsRequest,
    ) -> Result<v1::SummarizeRatingsResponse, Error> {
        let mut violations = Violations::default();
        let filter = filters::ratings(request.filter.unwrap_or_default(), &mut violations);
        if !filter.states.is_empty() {
            violations.add("filter.states", "must be empty: a summary already counts each state separately");
        }
        violations.or(())?;
        Ok(summary_to_wire(&rating::summarize_ratings(self.call(), &filter).await?))
    }
}

fn place_from_text(text: &str) -> Option<Place> {
    let (time, id) = text.split_once('-')?;
    Some((UnixMillis::checked(time.parse().ok()?).ok()?, RatingId(id.parse().ok()?)))
}
