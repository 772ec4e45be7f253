//! The codec of the generated services: protobuf, with a bound on how much memory few bytes can ask for.
//!
//! An empty message of a repeated field is two bytes on the wire and hundreds in memory: a request within its limit of 4 MiB
//! could ask for hundreds of MiB. So the items are counted on the wire, before anything is made of them.

use std::{any::TypeId, marker::PhantomData};

use prost::{Message, bytes::Buf as _};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::proto::v1::{
    ImportConversationRequest, ImportConversationsRequest, ListConversationsRequest, OfferRatingRequest,
    StoreMessageRequest, SubmitRatingRequest, UpdateConversationRequest, UpdateMessageRequest,
    UpdatePersonRequest,
};

use super::{bounds, errors};
use crate::server::{MAX_REQUEST_BYTES, too_large};

/// Protobuf both ways.
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(ProstCodec::<T, U>::default().decoder())
    }
}

/// Decodes what is within its bounds.
pub struct BoundedDecoder<U>(tonic_prost::ProstDecoder<U>);

impl<U: Message + Default + 'static> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message is handed over in one piece.
        let request = source.chunk();
        let is = |other: TypeId| TypeId::of::<U>() == other;
        let checked = if is(TypeId::of::<ImportConversationRequest>()) {
            if bounds::is_import_too_large(request) {
                return Err(too_large(MAX_REQUEST_BYTES));
            }
            bounds::check_import(request)
        } else if is(TypeId::of::<StoreMessageRequest>()) {
            bounds::check_store(request)
        } else if is(TypeId::of::<UpdateMessageRequest>()) {
            bounds::check_update(request)
        } else if is(TypeId::of::<OfferRatingRequest>()) {
            bounds::check_offer(request)
        } else if is(TypeId::of::<SubmitRatingRequest>()) {
            bounds::check_submission(request)
        } else if is(TypeId::of::<UpdatePersonRequest>()) {
            bounds::check_person(request)
        } else if is(TypeId::of::<UpdateConversationRequest>()) {
            bounds::check_items(request, "conversation")
        } else if is(TypeId::of::<ListConversationsRequest>()) {
            bounds::check_items(request, "filter")
        } else {
            Ok(())
        };
        checked.map_err(|violations| errors::invalid(&violations))?;
        if is(TypeId::of::<ImportConversationsRequest>())
            && let Some(shortened) = bounds::shortened_item(request)
        {
            return decode_instead(source, &shortened);
        }
        self.0.decode(source)
    }
}

/// Decodes other bytes than came, which are done with.
fn decode_instead<U: Message + Default>(
    source: &mut DecodeBuf<'_>,
    bytes: &[u8],
) -> Result<Option<U>, Status> {
    source.advance(source.remaining());
    // As tonic says it, so that the caller is told the same of any message.
    U::decode(bytes).map(Some).map_err(|error| Status::internal(error.to_string()))
}
