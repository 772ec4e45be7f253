//! The codec of the services: protobuf, where a request is decoded only if its item counts and memory are within limits.

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

/// Decodes requests, encodes responses.
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

/// What a request message can be decoded to.
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

/// Only imports have a separate limit on their size without attachments.
fn is_import<T: 'static>() -> bool {
    std::any::TypeId::of::<T>() == std::any::TypeId::of::<ImportConversationRequest>()
}

/// Decodes bytes already checked against the limits.
pub fn decode<T: Message + Default>(bytes: &[u8]) -> Result<T, Status> {
    // The same status as tonic's own codec; `refusals` turns it into the caller's error.
    T::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// Reads a request and drops it; for fuzz targets and tests.
pub fn discard<T: Request>(bytes: &[u8]) -> Result<(), Status> {
    T::read(bytes).map(drop)
}

pub struct RequestDecoder<U>(PhantomData<U>);

impl<U: Request> Decoder for RequestDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // tonic passes one message, in one chunk.
        let read = U::read(source.chunk());
        source.advance(source.remaining());
        read.map(Some)
    }
}
