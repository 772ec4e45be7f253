//! Offers ratings to the demo's customers and submits their answers, each once.

use tonic::{Status, transport::Channel};

use crate::proto::v1::{
    ListRatingsRequest, OfferRatingRequest, Rating, RatingAnswer, RatingQuestion, SubmitRatingRequest,
    SummarizeRatingsRequest, SummarizeRatingsResponse, rating_service_client::RatingServiceClient,
};

use super::samples::SampleRating;

/// Offers and submits what is not stored yet. A stored rating is found by its conversation, which has only one.
pub async fn submit_all(channel: &Channel, samples: Vec<SampleRating>) -> Result<(), Status> {
    let mut ratings = RatingServiceClient::new(channel.clone());
    for sample in samples {
        let parent = sample.conversation.clone();
        let list = ListRatingsRequest { parent: parent.clone(), ..Default::default() };
        let stored = ratings.list_ratings(list).await?.into_inner().ratings.into_iter().next();
        let rating = match stored {
            Some(rating) => rating,
            None => {
                let question = RatingQuestion { r#type: sample.rating_type().into(), ..Default::default() };
                let rating = Rating { questions: vec![question], ..Default::default() };
                let offer = OfferRatingRequest { parent, rating: Some(rating), ..Default::default() };
                ratings.offer_rating(offer).await?.into_inner()
            }
        };
        let is_answered = rating.questions.iter().any(|question| question.answer.is_some());
        if sample.value.is_some() && !is_answered {
            let answer = RatingAnswer { value: sample.value, comment: sample.comment, ..Default::default() };
            let answers = vec![answer];
            let submission = SubmitRatingRequest { name: rating.name, answers, ..Default::default() };
            ratings.submit_rating(submission).await?;
        }
    }
    Ok(())
}

/// The rating summary of the whole store.
pub async fn summary(channel: &Channel) -> Result<SummarizeRatingsResponse, Status> {
    let request = SummarizeRatingsRequest::default();
    Ok(RatingServiceClient::new(channel.clone()).summarize_ratings(request).await?.into_inner())
}
