use plaudit::proto::v1::{
    CancelRatingRequest, GetRatingRequest, ListRatingsRequest, ListRatingsResponse, OfferRatingRequest,
    Rating, SubmitRatingRequest, SummarizeRatingsRequest, SummarizeRatingsResponse,
    rating_service_client::RatingServiceClient,
};
use tonic::{Response, Status, transport::Channel};

use super::{
    Client,
    client::{bounded, every_page},
};

impl Client {
    fn ratings_service(&self) -> RatingServiceClient<Channel> {
        RatingServiceClient::new(self.channel())
    }

    pub async fn offer_rating(&self, request: OfferRatingRequest) -> Result<Rating, Status> {
        self.ratings_service().offer_rating(request).await.map(Response::into_inner)
    }

    pub async fn submit_rating(&self, request: SubmitRatingRequest) -> Result<Rating, Status> {
        self.ratings_service().submit_rating(request).await.map(Response::into_inner)
    }

    pub async fn cancel_rating(&self, name: &str, request_id: &str) -> Result<Rating, Status> {
        let request = CancelRatingRequest { name: name.to_owned(), request_id: request_id.to_owned() };
        self.ratings_service().cancel_rating(request).await.map(Response::into_inner)
    }

    pub async fn get_rating(&self, name: &str) -> Result<Rating, Status> {
        let request = GetRatingRequest { name: name.to_owned() };
        self.ratings_service().get_rating(request).await.map(Response::into_inner)
    }

    pub async fn list_ratings(&self, request: ListRatingsRequest) -> Result<ListRatingsResponse, Status> {
        self.ratings_service().list_ratings(request).await.map(|answer| bounded(answer.into_inner()))
    }

    pub async fn summarize_ratings(
        &self,
        request: SummarizeRatingsRequest,
    ) -> Result<SummarizeRatingsResponse, Status> {
        self.ratings_service().summarize_ratings(request).await.map(Response::into_inner)
    }

    /// All ratings of a parent, page by page.
    pub async fn ratings(&self, parent: &str, page_size: i32) -> Vec<Rating> {
        let page = async |page_token: String| {
            let parent = parent.to_owned();
            let request = ListRatingsRequest { parent, page_size, page_token, filter: None };
            let page = self.list_ratings(request).await.expect("a page");
            (page.ratings, page.next_page_token)
        };
        every_page(page_size, page).await
    }
}
