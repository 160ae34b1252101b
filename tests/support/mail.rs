//! A mail server that keeps what it is given.

use std::sync::{Arc, Mutex};

use shoal::config::{Config, Security};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::eventually;

/// A letter that came.
#[derive(Clone, Debug)]
struct Letter {
    to: String,
    text: String,
}

/// Takes letters on a free port until it is dropped.
pub struct MailServer {
    port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
    task: tokio::task::JoinHandle<()>,
}

impl MailServer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let task = tokio::spawn({
            let letters = letters.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let letters = letters.clone();
                    tokio::spawn(async move {
                        // A client that breaks off is its own affair.
                        let _ = converse(stream, &letters).await;
                    });
                }
            }
        });
        Self { port, letters, task }
    }

    /// Has a server's letters come here.
    pub fn configure(&self, config: &mut Config) {
        config.smtp.host = "127.0.0.1".into();
        config.smtp.port = self.port;
        config.smtp.security = Security::None;
        config.smtp.from = "tv@mail.example".into();
    }

    /// The next letter to this address, taken out of the box.
    pub async fn next_to(&self, address: &str) -> String {
        let found = Mutex::new(None);
        eventually(&format!("a letter to {address}"), async || {
            let mut letters = self.letters.lock().expect("not poisoned");
            if let Some(at) = letters.iter().position(|letter| letter.to == address) {
                *found.lock().expect("not poisoned") = Some(letters.remove(at).text);
                return true;
            }
            false
        })
        .await;
        found.into_inner().expect("not poisoned").expect("a letter")
    }

    /// How many letters lie here that nobody took.
    pub fn count(&self) -> usize {
        self.letters.lock().expect("not poisoned").len()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The secret in a letter's link.
pub fn secret_in(letter: &str) -> String {
    let (_, rest) = letter.split_once("verificationString=").unwrap_or_else(|| panic!("no link in {letter}"));
    let secret: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(secret.len(), 40, "{letter}");
    secret
}

async fn converse(stream: TcpStream, letters: &Mutex<Vec<Letter>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 ready\r\n").await?;
    let (mut to, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let command = line.trim_end().to_owned();
        let answer: &[u8] = match command.get(..4).map(str::to_ascii_uppercase).as_deref() {
            Some("RCPT") => {
                to = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                b"250 good\r\n"
            }
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n").await?;
                let text = read_text(&mut stream).await?;
                letters.lock().expect("not poisoned").push(Letter { to: to.clone(), text });
                b"250 taken\r\n"
            }
            Some("QUIT") => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 good\r\n",
        };
        stream.write_all(answer).await?;
    }
}

async fn read_text(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut text, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(decoded(&text));
        }
        text.push_str(&line);
    }
}

/// Takes quoted-printable apart (RFC 2045 section 6.7) where the letter says that it is.
fn decoded(text: &str) -> String {
    if !text.to_ascii_lowercase().contains("content-transfer-encoding: quoted-printable") {
        return text.to_owned();
    }
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'=').then(|| tail.get(..2)).flatten().and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                bytes.push(value);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
