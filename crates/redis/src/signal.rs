//! Signals: pub/sub messages that may be lost.

use std::fmt;

use bytes::Bytes;
use fault::Result;
use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::{Message, Value};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Redis;
use crate::error::{disconnected, fault};

/// What a subscription yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Somebody published this.
    Message(Bytes),
    /// The connection was lost and is back, or this reader was too slow: messages may have been missed.
    Gap,
}

/// One channel's messages from now on; survives reconnects.
pub struct Subscription {
    channel: String,
    messages: Receiver<Message>,
    reconnects: Receiver<fred::types::config::Server>,
    // Keeps the shared connection open as long as somebody listens.
    _client: SubscriberClient,
}

impl Redis {
    /// Sends a signal to everybody who subscribes at this moment.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn publish(&self, channel: &str, payload: impl Into<Bytes>) -> Result<()> {
        let client = self.client()?;
        Box::pin(client.publish::<(), _, _>(self.channel(channel), payload.into()))
            .await
            .map_err(fault)
    }

    /// Subscribes to a channel of this database. All subscriptions share one connection, opened by the first.
    ///
    /// # Errors
    /// `SERVICE_UNAVAILABLE`.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription> {
        let client = self
            .inner
            .subscriber
            .get_or_try_init(|| self.open_subscriber())
            .await?
            .clone();
        if !client.is_connected() {
            return Err(disconnected());
        }
        let channel = self.channel(channel);
        // Registered first, so that nothing sent between the server's answer and here is missed.
        let messages = client.message_rx();
        let reconnects = client.reconnect_rx();
        client.subscribe(channel.as_str()).await.map_err(fault)?;
        Ok(Subscription {
            channel,
            messages,
            reconnects,
            _client: client,
        })
    }

    async fn open_subscriber(&self) -> Result<SubscriberClient> {
        let client = self.subscriber_client()?;
        client.init().await.map_err(fault)?;
        // Ends with the client; it only sends SUBSCRIBE again after each reconnect.
        drop(client.manage_subscriptions());
        Ok(client)
    }

    fn channel(&self, name: &str) -> String {
        format!("{}:{name}", self.database())
    }
}

impl Subscription {
    /// Waits for the next signal; `None` once the client was closed. Safe to drop and call again.
    pub async fn next(&mut self) -> Option<Signal> {
        loop {
            tokio::select! {
                message = self.messages.recv() => match message {
                    Ok(message) if *message.channel == *self.channel => return Some(Signal::Message(payload(message.value))),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some(Signal::Gap),
                    Err(RecvError::Closed) => return None,
                },
                reconnect = self.reconnects.recv() => match reconnect {
                    Ok(_) | Err(RecvError::Lagged(_)) => return Some(Signal::Gap),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

fn payload(value: Value) -> Bytes {
    match value {
        Value::Bytes(bytes) => bytes,
        Value::String(text) => text.into_inner(),
        other => other.into_string().unwrap_or_default().into(),
    }
}
