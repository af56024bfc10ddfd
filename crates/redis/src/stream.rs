//! Streams as their writer and their housekeeper see them.

use bytes::Bytes;
use fault::{Fault, Result};
use fred::interfaces::{KeysInterface, StreamsInterface};
use fred::types::Value;

use crate::Redis;
use crate::error::fault;
use crate::script::Reply;

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key of the stream.
    pub stream: String,
    /// `<milliseconds>-<sequence>`, rising.
    pub id: String,
    /// Names and values, in the order written.
    pub fields: Vec<(String, Bytes)>,
}

impl Entry {
    /// Returns the value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Bytes> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }
}

/// One consumer group of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Entries given out and not acknowledged.
    pub pending: u64,
    /// Oldest entry given out and not acknowledged.
    pub oldest_pending: Option<String>,
    /// The last entry given out.
    pub last_delivered: String,
    /// Entries not yet given out; `None` when the server cannot tell.
    pub lag: Option<u64>,
}

impl Redis {
    /// Appends an entry of one field; returns its id.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn stream_add(
        &self,
        stream: &str,
        field: &str,
        value: impl Into<Bytes>,
    ) -> Result<String> {
        let fields = vec![(field, Value::Bytes(value.into()))];
        self.client()?
            .xadd(stream, false, None::<()>, "*", fields)
            .await
            .map_err(fault)
    }

    /// Returns the number of entries; 0 when there is no such stream.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn stream_len(&self, stream: &str) -> Result<u64> {
        self.client()?.xlen(stream).await.map_err(fault)
    }

    /// Returns whether a key exists.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        let found: u64 = self.client()?.exists(key).await.map_err(fault)?;
        Ok(found > 0)
    }

    /// Makes a consumer group that starts with the oldest entry, and the stream with it; returns false when it exists.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn group_create(&self, stream: &str, group: &str) -> Result<bool> {
        match self
            .client()?
            .xgroup_create::<(), _, _, _>(stream, group, "0", true)
            .await
        {
            Ok(()) => Ok(true),
            Err(error) if error.details().starts_with("BUSYGROUP") => Ok(false),
            Err(error) => Err(fault(error)),
        }
    }

    /// Returns the groups of a stream; none when there is no such stream.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn groups(&self, stream: &str) -> Result<Vec<Group>> {
        let reply: Value = match self.client()?.xinfo_groups(stream).await {
            Ok(reply) => reply,
            Err(error) if error.details().contains("no such key") => return Ok(Vec::new()),
            Err(error) => return Err(fault(error)),
        };
        let mut groups = Vec::new();
        for facts in Reply::from(reply).many()? {
            let mut group = group_of(facts.many()?)?;
            if group.pending > 0 {
                let pending: Value = self
                    .client()?
                    .xpending(stream, group.name.as_str(), ())
                    .await
                    .map_err(fault)?;
                group.oldest_pending = Reply::from(pending)
                    .many()?
                    .get(1)
                    .and_then(|id| id.text().ok());
            }
            groups.push(group);
        }
        Ok(groups)
    }

    /// Returns the id of the first entry after `id`, if there is one.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn next_id(&self, stream: &str, id: &str) -> Result<Option<String>> {
        let after = format!("({id}");
        let entries = self.client()?.xrange(stream, after, "+", Some(1));
        let entries: Value = entries.await.map_err(fault)?;
        let Reply::Many(entries) = Reply::from(entries) else {
            return Ok(None);
        };
        let first = entries.into_iter().next().map(Reply::many).transpose()?;
        let id = first.and_then(|entry| entry.into_iter().next());
        id.map(|id| id.text()).transpose()
    }

    /// Removes entries older than `id`; returns how many.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn stream_trim(&self, stream: &str, id: &str) -> Result<u64> {
        let below = ("MINID", "=", id.to_owned());
        self.client()?.xtrim(stream, below).await.map_err(fault)
    }

    /// Forgets a consumer of a group; what it had not acknowledged is lost to the group, so claim that first.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn consumer_remove(&self, stream: &str, group: &str, consumer: &str) -> Result<()> {
        self.client()?
            .xgroup_delconsumer::<(), _, _, _>(stream, group, consumer)
            .await
            .map_err(fault)
    }

    /// Returns the consumers of a group with their unacknowledged entries and idle milliseconds.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn consumers(&self, stream: &str, group: &str) -> Result<Vec<(String, u64, u64)>> {
        let reply: Value = match self.client()?.xinfo_consumers(stream, group).await {
            Ok(reply) => reply,
            Err(error)
                if error.details().contains("no such key")
                    || error.details().starts_with("NOGROUP") =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(fault(error)),
        };
        let consumers = Reply::from(reply).many()?.into_iter().map(|facts| {
            let facts = Facts(facts.many()?);
            Ok((
                facts.text("name")?,
                facts.count("pending").unwrap_or(0),
                facts.count("idle").unwrap_or(0),
            ))
        });
        consumers.collect()
    }
}

fn group_of(facts: Vec<Reply>) -> Result<Group> {
    let facts = Facts(facts);
    Ok(Group {
        name: facts.text("name")?,
        pending: facts.count("pending").unwrap_or(0),
        oldest_pending: None,
        last_delivered: facts.text("last-delivered-id")?,
        lag: facts.count("lag"),
    })
}

/// The flat list of names and values that `XINFO` answers with.
struct Facts(Vec<Reply>);

impl Facts {
    fn get(&self, name: &str) -> Option<&Reply> {
        self.0.chunks_exact(2).find_map(|pair| {
            let matches =
                matches!(&pair[0], Reply::Bytes(bytes) if bytes.as_ref() == name.as_bytes());
            matches.then(|| &pair[1])
        })
    }

    fn text(&self, name: &str) -> Result<String> {
        self.get(name)
            .ok_or_else(|| Fault::internal("XINFO without an expected fact"))?
            .text()
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?
            .int()
            .ok()
            .and_then(|count| u64::try_from(count).ok())
    }
}

/// Reads the entries of one stream from the shape XREADGROUP and XAUTOCLAIM share; deleted entries come as nil and are left out.
pub(crate) fn entries(stream: &str, list: Reply) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in list.many()? {
        let Reply::Many(parts) = entry else { continue };
        let [id, Reply::Many(fields)] = parts.as_slice() else {
            continue;
        };
        let mut named = Vec::with_capacity(fields.len() / 2);
        for pair in fields.chunks_exact(2) {
            named.push((pair[0].text()?, pair[1].bytes()?));
        }
        entries.push(Entry {
            stream: stream.to_owned(),
            id: id.text()?,
            fields: named,
        });
    }
    Ok(entries)
}
