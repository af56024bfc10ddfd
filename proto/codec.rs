//! The codec of every generated client and server: protobuf, with each decoded
//! request normalised and checked before anybody sees it (K-1).

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use crate::MAX_MESSAGE;
use crate::validation::{Validate, checked};

/// Encodes `T` and decodes `U`.
///
/// A request that breaks the rules of its fields never reaches the handler: the
/// call ends with `INVALID_ARGUMENT`, reason `VALIDATION_ERROR` and every
/// violation by its JSON path. Replies are encoded and decoded as they are.
#[derive(Debug)]
pub struct Codec<T, U>(PhantomData<fn(T) -> U>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: Message + 'static,
    U: Message + Default + Validate + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Writer<T>;
    type Decoder = Reader<U>;

    fn encoder(&mut self) -> Writer<T> {
        Writer(PhantomData)
    }

    fn decoder(&mut self) -> Reader<U> {
        Reader(PhantomData)
    }
}

/// Writes messages of at most [`MAX_MESSAGE`] bytes.
#[derive(Debug)]
pub struct Writer<T>(PhantomData<fn(T)>);

impl<T: Message> Encoder for Writer<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        if item.encoded_len() > MAX_MESSAGE {
            return Err(Status::new(Code::Internal, "The message exceeds 4 MiB"));
        }
        item.encode(buffer)
            .map_err(|error| Status::new(Code::Internal, error.to_string()))
    }
}

/// Reads messages and lets only valid ones through.
#[derive(Debug)]
pub struct Reader<U>(PhantomData<fn() -> U>);

impl<U: Message + Default + Validate> Decoder for Reader<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let message = U::decode(buffer).map_err(|_| {
            // A broken request is its sender's doing, a broken reply is ours.
            let code = if U::REQUEST {
                Code::InvalidArgument
            } else {
                Code::Internal
            };
            Status::new(code, "The message is not valid protobuf")
        })?;
        checked(message).map(Some)
    }
}

#[cfg(test)]
mod tests;
