//! The codec of the services: protobuf, and a request is decoded only when its fields and its memory are within their limits.

use std::marker::PhantomData;

use prost::{Message, bytes::Buf as _};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::{
    budget::{Bounded, Tally},
    errors, limits, status,
};
use crate::{proto::v1::ImportConversationRequest, wire::MAX_REQUEST_BYTES};

/// Reads requests, writes answers.
pub struct ServerCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ServerCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ServerCodec<T, U>
where
    T: Message + Send + 'static,
    U: Request,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = RequestDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(PhantomData)
    }
}

/// What can be read from the bytes of one request message.
pub trait Request: Sized + Send + 'static {
    fn read(bytes: &[u8]) -> Result<Self, Status>;
}

impl<T: Bounded + Message + Default> Request for T {
    fn read(bytes: &[u8]) -> Result<Self, Status> {
        let tally = Tally::of(T::LAYOUT, bytes);
        if is_import::<T>() && limits::is_import_too_large(bytes, &tally) {
            return Err(status::too_large(MAX_REQUEST_BYTES));
        }
        limits::check(T::LAYOUT, &tally).map_err(|violations| errors::invalid(&violations))?;
        decode(bytes)
    }
}

/// The other requests have no limit without their attachments.
fn is_import<T: 'static>() -> bool {
    std::any::TypeId::of::<T>() == std::any::TypeId::of::<ImportConversationRequest>()
}

/// Decodes what is known to be within its limits.
pub fn decode<T: Message + Default>(bytes: &[u8]) -> Result<T, Status> {
    // As tonic's own codec says it; `refusals` makes it the caller's fault.
    T::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// Reads a request and drops it, as fuzz targets and tests do.
pub fn discard<T: Request>(bytes: &[u8]) -> Result<(), Status> {
    T::read(bytes).map(drop)
}

pub struct RequestDecoder<U>(PhantomData<U>);

impl<U: Request> Decoder for RequestDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // tonic hands over one message, in one piece.
        let read = U::read(source.chunk());
        source.advance(source.remaining());
        read.map(Some)
    }
}
