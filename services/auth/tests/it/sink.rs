//! An SMTP server that keeps what it gets, or refuses it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use chassis::Task;
use mail_parser::MessageParser;
use testkit::Rig;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Mail {
    /// The code it carries.
    pub(crate) fn code(&self) -> String {
        let line = self.text.lines().find(|line| line.trim().len() == 6);
        let code = line.expect("a line with a code").trim().to_owned();
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        code
    }
}

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// What RCPT is answered with.
    answer: Arc<AtomicU16>,
    /// How often RCPT was said.
    tries: Arc<AtomicU16>,
}

impl Sink {
    /// Starts it for as long as the rig lives.
    pub(crate) async fn start(rig: &Rig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let sink = Self {
            address: listener.local_addr().expect("an address"),
            mails: Arc::default(),
            answer: Arc::new(AtomicU16::new(250)),
            tries: Arc::default(),
        };
        let (listener, serving) = (Arc::new(listener), sink.clone());
        let task = Task::new("test.sink", move |stop| {
            let (listener, serving) = (Arc::clone(&listener), serving.clone());
            async move {
                let mut open = JoinSet::new();
                while let Some(Ok((stream, _))) = stop.run(listener.accept()).await {
                    let serving = serving.clone();
                    open.spawn(async move { serving.serve(stream).await });
                }
            }
        });
        rig.spawn(task).await;
        sink
    }

    /// Answers recipients with this code from now on.
    pub(crate) fn answer(&self, code: u16) {
        self.answer.store(code, Ordering::SeqCst);
    }

    /// How often somebody tried to name a recipient.
    pub(crate) fn tries(&self) -> u16 {
        self.tries.load(Ordering::SeqCst)
    }

    /// The mails to an address, oldest first.
    pub(crate) fn to(&self, address: &str) -> Vec<Mail> {
        let mails = self.mails.lock().expect("not poisoned");
        mails
            .iter()
            .filter(|mail| mail.to == address)
            .cloned()
            .collect()
    }

    /// How many mails came.
    pub(crate) fn count(&self) -> usize {
        self.mails.lock().expect("not poisoned").len()
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink\r\n").await.ok()?;
        let mut to = String::new();
        while let Some(line) = lines.next_line().await.ok()? {
            let reply = match line
                .get(..4)
                .unwrap_or_default()
                .to_ascii_uppercase()
                .as_str()
            {
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1)?.to_owned();
                    self.tries.fetch_add(1, Ordering::SeqCst);
                    format!("{} said so\r\n", self.answer.load(Ordering::SeqCst))
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await.ok()?;
                    let mut data = String::new();
                    loop {
                        let line = lines.next_line().await.ok()??;
                        if line == "." {
                            break;
                        }
                        data += line.strip_prefix('.').unwrap_or(&line);
                        data += "\r\n";
                    }
                    self.keep(&to, &data);
                    "250 kept\r\n".to_owned()
                }
                "QUIT" => "221 bye\r\n".to_owned(),
                _ => "250 fine\r\n".to_owned(),
            };
            write.write_all(reply.as_bytes()).await.ok()?;
        }
        Some(())
    }

    fn keep(&self, to: &str, data: &str) {
        let message = MessageParser::default()
            .parse(data.as_bytes())
            .expect("a mail");
        self.mails.lock().expect("not poisoned").push(Mail {
            to: to.to_owned(),
            subject: message.subject().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
        });
    }
}
