//! Reflection: the contracts of what can be called here, for clients that bring none (GW-28).

use std::collections::{BTreeSet, HashMap};

use anyhow::Context;
use bytes::Bytes;
use fault::Fault;
use futures_util::{Stream, stream};
use http_body_util::BodyExt;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, Value};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_reflection::server::Builder;

/// Largest question, in bytes: names only.
const QUESTION: usize = 16 * 1024;

/// The paths of both versions in use.
pub(super) const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// Returns the service behind each path.
pub(super) fn services() -> anyhow::Result<HashMap<&'static str, mesh::Hosted>> {
    let described = described(contracts::DESCRIPTOR)?;
    let builder = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(&described)
            .include_reflection_service(false)
    };
    let failed = "the contracts cannot be reflected";
    let v1 = builder().build_v1().context(failed)?;
    let v1alpha = builder().build_v1alpha().context(failed)?;
    let [newer, older] = PATHS;
    Ok(HashMap::from([
        (
            newer,
            mesh::Hosted::new(v1.max_decoding_message_size(QUESTION)),
        ),
        (
            older,
            mesh::Hosted::new(v1alpha.max_decoding_message_size(QUESTION)),
        ),
    ]))
}

/// Returns the frames of a service's reply, which fail as its trailers say.
pub(super) fn frames(body: Body) -> impl Stream<Item = Result<Bytes, Fault>> {
    stream::try_unfold(body, async |mut body| {
        let Some(frame) = body.frame().await.transpose()? else {
            return Err(Fault::internal("a reply ended without a status"));
        };
        let trailers = match frame.into_data() {
            Ok(data) => return Ok(Some((data, body))),
            Err(frame) => frame.into_trailers().unwrap_or_default(),
        };
        match Status::from_header_map(&trailers) {
            Some(status) if status.code() == Code::Ok => Ok(None),
            Some(status) => Err(status.into()),
            None => Err(Fault::internal("a reply with trailers but no status")),
        }
    })
}

/// Returns the files that describe RPCs with a route and all they are made of; RPCs without one are left out of them.
fn described(descriptor: &[u8]) -> anyhow::Result<Vec<u8>> {
    const FILE_SET: &str = "google.protobuf.FileDescriptorSet";
    let pool = DescriptorPool::decode(descriptor)?;
    let mut wanted = BTreeSet::new();
    for service in pool.services() {
        if service
            .methods()
            .any(|it| has_route(service.full_name(), it.name()))
        {
            reach(&service.parent_file(), &mut wanted);
        }
    }
    // Read as what the contracts themselves say a file set is, so that our own options survive.
    let form = pool
        .get_message_by_name(FILE_SET)
        .context("the contracts lack descriptor.proto")?;
    let mut set = DynamicMessage::decode(form, descriptor)?;
    each(&mut set, "file", |file| {
        let package = text(file, "package");
        // Comments are found by position, which is about to change.
        file.clear_field_by_name("source_code_info");
        each(file, "service", |service| {
            let full_name = format!("{package}.{}", text(service, "name"));
            each(service, "method", |method| {
                has_route(&full_name, &text(method, "name"))
            });
            service.has_field_by_name("method")
        });
        wanted.contains(&text(file, "name"))
    });
    Ok(set.encode_to_vec())
}

fn has_route(service: &str, method: &str) -> bool {
    contracts::rpc(&format!("/{service}/{method}")).is_some_and(|rule| rule.public)
}

/// Adds a file and everything it imports.
fn reach(file: &FileDescriptor, files: &mut BTreeSet<String>) {
    if files.insert(file.name().to_owned()) {
        file.dependencies().for_each(|import| reach(&import, files));
    }
}

/// Keeps those messages of a list that `keep` says, after it changed them.
fn each(
    message: &mut DynamicMessage,
    list: &str,
    mut keep: impl FnMut(&mut DynamicMessage) -> bool,
) {
    if let Some(items) = message
        .get_field_by_name_mut(list)
        .and_then(Value::as_list_mut)
    {
        items.retain_mut(|item| item.as_message_mut().is_some_and(&mut keep));
    }
}

fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value
        .as_deref()
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gw_28_reflection_describes_what_has_a_route_and_nothing_else() {
        let described = described(contracts::DESCRIPTOR).unwrap();
        let pool = DescriptorPool::decode(&*described).unwrap();
        let mut found: Vec<String> = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(|it| format!("/{}/{}", it.parent_service().full_name(), it.name()))
            .collect();
        found.sort();
        let expected: Vec<_> = contracts::rpcs()
            .iter()
            .filter(|it| it.public)
            .map(|it| it.path)
            .collect();
        assert_eq!(found, expected);
        assert!(
            contracts::rpcs().iter().any(|it| !it.public),
            "there is something to leave out"
        );
        assert!(pool.services().all(|it| it.methods().len() > 0));
        let options = pool.get_extension_by_name("google.api.http").unwrap();
        let first = pool.services().next().unwrap().methods().next().unwrap();
        assert!(first.options().has_extension(&options), "options survive");
    }
}
