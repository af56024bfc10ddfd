//! A gRPC client that brings no contracts: it learns by reflection what can be called, as tools do (GW-28).

use std::collections::BTreeMap;

use futures_util::stream;
use http::uri::PathAndQuery;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use prost_types::FileDescriptorProto;
use serde_json::Value;
use tonic::client::Grpc as Calls;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Question;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Answer;

/// Speaks gRPC to one address.
#[derive(Debug, Clone)]
pub struct Grpc {
    channel: Channel,
    contracts: DescriptorPool,
    token: Option<String>,
}

impl Grpc {
    /// Connects, and asks what there is to call.
    ///
    /// # Panics
    /// When nobody answers, or reflection is off.
    pub async fn reflected(base: &str) -> Self {
        let endpoint = Endpoint::from_shared(base.to_owned()).expect("an address");
        let channel = endpoint.connect().await.expect("somebody answers");
        let contracts = reflect(channel.clone()).await;
        Self {
            channel,
            contracts,
            token: None,
        }
    }

    /// The same client with an access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The paths of what can be called.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let services = self.contracts.services();
        let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
        methods.map(|method| path(&method))
    }

    /// Calls an RPC with a message in JSON and returns the reply in JSON.
    ///
    /// # Errors
    /// The status the call ended with.
    ///
    /// # Panics
    /// When there is no such RPC, or the JSON is not its request.
    pub async fn call(&self, rpc: &str, request: Value) -> Result<Value, Status> {
        let mut methods = self
            .contracts
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>());
        let method = methods
            .find(|method| path(method) == rpc)
            .expect("a reflected RPC");
        let message =
            DynamicMessage::deserialize(method.input(), request).expect("the JSON of the request");
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            let bearer = format!("Bearer {token}")
                .parse::<MetadataValue<_>>()
                .expect("a token");
            request.metadata_mut().insert("authorization", bearer);
        }
        let mut calls = Calls::new(self.channel.clone());
        calls.ready().await.expect("a connection");
        let path = PathAndQuery::try_from(rpc).expect("a path");
        let reply = calls.unary(request, path, Dynamic(method.output())).await?;
        Ok(serde_json::to_value(reply.into_inner()).expect("a message is JSON"))
    }
}

fn path(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}

/// Asks for the names of all services, their files, and what those import.
async fn reflect(channel: Channel) -> DescriptorPool {
    let mut client = ServerReflectionClient::new(channel);
    let names = ask(&mut client, vec![Question::ListServices(String::new())]).await;
    let [Answer::ListServicesResponse(listed)] = names.as_slice() else {
        panic!("not a list of services: {names:?}");
    };
    let of = |name: &str| Question::FileContainingSymbol(name.to_owned());
    let mut questions: Vec<_> = listed
        .service
        .iter()
        .map(|service| of(&service.name))
        .collect();
    // The bytes as they came: decoding loses options.
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while !questions.is_empty() {
        let mut imports = Vec::new();
        for answer in ask(&mut client, questions).await {
            let Answer::FileDescriptorResponse(answer) = answer else {
                panic!("not a file: {answer:?}");
            };
            for bytes in answer.file_descriptor_proto {
                let file = FileDescriptorProto::decode(&*bytes).expect("a file descriptor");
                imports.extend(file.dependency.clone());
                files.insert(file.name().to_owned(), bytes);
            }
        }
        imports.sort();
        imports.dedup();
        imports.retain(|name| !files.contains_key(name));
        questions = imports.into_iter().map(Question::FileByFilename).collect();
    }
    let set = FileSet {
        file: files.into_values().collect(),
    };
    DescriptorPool::decode(&*set.encode_to_vec()).expect("files that belong together")
}

async fn ask(
    client: &mut ServerReflectionClient<Channel>,
    questions: Vec<Question>,
) -> Vec<Answer> {
    let requests = questions
        .into_iter()
        .map(|question| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(question),
        });
    let asked = client
        .server_reflection_info(stream::iter(requests.collect::<Vec<_>>()))
        .await;
    let mut replies = asked.expect("reflection is on").into_inner();
    let mut answers = Vec::new();
    while let Some(reply) = replies.message().await.expect("an answer to each question") {
        answers.extend(reply.message_response);
    }
    answers
}

/// `google.protobuf.FileDescriptorSet` with its files as they are.
#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// A codec for messages known at run time only; holds what a reply is.
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Written;
    type Decoder = Self;

    fn encoder(&mut self) -> Written {
        Written
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

struct Written;

impl Encoder for Written {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message
            .encode(into)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), from);
        message
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
