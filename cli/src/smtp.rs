//! The SMTP sink of the development stack: takes every mail and shows it in
//! the captured inbox (RFC 5321, the commands a relay client sends).
//!
//! It speaks plain SMTP on loopback, keeps nothing on disk and relays nothing.

use std::net::SocketAddr;

use chassis::{Shutdown, Task};
use edge::inbox::Inbox;
use mail_parser::MessageParser;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// Largest mail taken, in bytes.
const MAX_MAIL: usize = 1024 * 1024;
/// Longest command or text line, in bytes; RFC 5321 asks for 1000.
const MAX_LINE: u64 = 64 * 1024;

/// A listener that takes mail.
#[derive(Debug)]
pub struct Sink {
    listener: TcpListener,
    inbox: Inbox,
}

impl Sink {
    /// Binds the sink to a free port.
    pub async fn bind(inbox: Inbox) -> std::io::Result<Self> {
        Self::bind_to(([127, 0, 0, 1], 0).into(), inbox).await
    }

    /// Binds the sink to an address.
    pub async fn bind_to(address: SocketAddr, inbox: Inbox) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self { listener, inbox })
    }

    /// Where mail is to be sent.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Returns the task that takes mail until it is told to stop.
    pub fn task(self) -> Task {
        let sink = std::sync::Arc::new(self);
        Task::new("development.smtp", move |stop| {
            let sink = sink.clone();
            async move { sink.run(stop).await }
        })
    }

    /// Takes mail until stopping is asked for.
    pub async fn run(&self, stop: Shutdown) {
        let mut sessions = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                () = stop.begun() => return,
                Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let inbox = self.inbox.clone();
                    sessions.spawn(async move {
                        if let Err(error) = session(stream, &inbox).await {
                            tracing::debug!(%error, "mail session ended early");
                        }
                    });
                }
            }
        }
    }
}

/// One client, from greeting to QUIT.
async fn session(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    inbox: &Inbox,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream
        .write_all(b"220 smilefactory.local ESMTP captured inbox\r\n")
        .await?;
    let mut recipients: Vec<String> = Vec::new();
    loop {
        let Some(line) = read_line(&mut stream).await? else {
            return Ok(());
        };
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let reply: &[u8] = match verb.as_str() {
            "EHLO" => b"250-smilefactory.local\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            "HELO" | "MAIL" | "NOOP" => b"250 OK\r\n",
            "RSET" => {
                recipients.clear();
                b"250 OK\r\n"
            }
            "RCPT" => {
                recipients.push(address_in(&command).to_owned());
                b"250 OK\r\n"
            }
            "DATA" if recipients.is_empty() => b"503 RCPT first\r\n",
            "DATA" => {
                stream
                    .write_all(b"354 end with a line that holds only a dot\r\n")
                    .await?;
                match read_mail(&mut stream).await? {
                    Some(mail) => {
                        deliver(inbox, std::mem::take(&mut recipients), &mail);
                        b"250 captured\r\n"
                    }
                    None => b"552 mail too large\r\n",
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return stream.flush().await;
            }
            _ => b"502 command not known\r\n",
        };
        stream.write_all(reply).await?;
        stream.flush().await?;
    }
}

/// A line with its end, or None at the end of the stream.
async fn read_line(
    stream: &mut (impl AsyncBufReadExt + Unpin),
) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    stream.take(MAX_LINE).read_until(b'\n', &mut line).await?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(std::io::Error::other("line too long or cut off")),
    }
}

/// The text after DATA with its dots unstuffed (RFC 5321 §4.5.2); None when it is too large.
async fn read_mail(
    stream: &mut (impl AsyncBufReadExt + Unpin),
) -> std::io::Result<Option<Vec<u8>>> {
    let mut mail = Vec::new();
    let mut fits = true;
    while let Some(line) = read_line(stream).await? {
        if line == b".\r\n" || line == b".\n" {
            return Ok(fits.then_some(mail));
        }
        fits = fits && mail.len() + line.len() <= MAX_MAIL;
        if fits {
            mail.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
    Err(std::io::Error::other("connection closed inside a mail"))
}

/// The address between the angle brackets of a command.
fn address_in(command: &str) -> &str {
    let after = command.split_once('<').map_or(command, |(_, rest)| rest);
    after.split_once('>').map_or(after, |(address, _)| address)
}

fn deliver(inbox: &Inbox, recipients: Vec<String>, mail: &[u8]) {
    let parsed = MessageParser::default().parse(mail);
    let parsed = parsed.as_ref();
    let subject = parsed.and_then(|mail| mail.subject()).unwrap_or_default();
    let text = parsed
        .and_then(|mail| mail.body_text(0))
        .unwrap_or_default();
    let html = parsed.and_then(|mail| mail.body_html(0));
    for to in recipients {
        inbox.push(
            to,
            subject,
            text.as_ref(),
            html.as_deref().map(str::to_owned),
        );
    }
}

/// The sign-in code in the newest mail to an address: the one word of six digits in its text.
#[must_use]
pub fn newest_code(inbox: &Inbox, to: &str) -> Option<String> {
    let mail = inbox.newest(Some(to), 1).into_iter().next()?;
    let code = mail
        .text
        .split_whitespace()
        .find(|word| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit()))?;
    Some(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn say(lines: &str) -> (Inbox, String) {
        let inbox = Inbox::default();
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let served = inbox.clone();
        let server = async move { session(server, &served).await };
        let client = async move {
            client.write_all(lines.as_bytes()).await.unwrap();
            let mut replies = String::new();
            client.read_to_string(&mut replies).await.unwrap();
            replies
        };
        let (served, replies) = tokio::join!(server, client);
        served.unwrap();
        (inbox, replies)
    }

    #[tokio::test]
    async fn k_8_a_mail_is_captured_with_subject_and_both_bodies() {
        let (inbox, replies) = say(concat!(
            "EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n",
            "Subject: =?utf-8?q?Your_code_=E2=80=93_1?=\r\nMIME-Version: 1.0\r\n",
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n",
            "--b\r\nContent-Type: text/plain\r\n\r\n..dotted 012345\r\n",
            "--b\r\nContent-Type: text/html\r\n\r\n<b>012345</b>\r\n--b--\r\n.\r\nQUIT\r\n",
        ))
        .await;
        assert!(
            replies.ends_with("250 captured\r\n221 bye\r\n"),
            "{replies}"
        );
        let mails = inbox.newest(None, 10);
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, "b@example.com");
        assert_eq!(mails[0].subject, "Your code – 1");
        assert_eq!(mails[0].text.trim(), ".dotted 012345");
        assert!(mails[0].html.as_deref().unwrap().contains("<b>012345</b>"));
    }

    #[tokio::test]
    async fn data_without_a_recipient_is_refused() {
        let (inbox, replies) = say("HELO x\r\nMAIL FROM:<a@b>\r\nDATA\r\nQUIT\r\n").await;
        assert!(replies.contains("503"));
        assert!(inbox.newest(None, 10).is_empty());
    }
}
