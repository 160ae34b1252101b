//! Letters and how they go out: by SMTP, or into the log where no mail server is configured.

mod letters;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use uuid::Uuid;

pub use letters::{LIFETIME, Letter};

use crate::config::{Config, Security};
use crate::store::Purpose;
use crate::tally::Tally;

/// A mail server answers each command within this time.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);
/// And has a letter within this.
const SEND_TIMEOUT: Duration = Duration::from_secs(90);
/// Letters of a kind that one address gets, or one user causes, by asking within [`ASKED_WINDOW`]: nobody's box is to be filled by
/// strangers.
const ASKED: u32 = 6;
/// See [`ASKED`].
const ASKED_WINDOW: Duration = Duration::from_secs(3600);

/// Why a letter did not go out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sender or recipient is no address.
    #[error("address {0}: {1}")]
    Address(String, #[source] lettre::address::AddressError),
    /// It cannot be put into a form that mail servers take.
    #[error("letter: {0}")]
    Letter(#[from] lettre::error::Error),
    /// The mail server, or the way to it.
    #[error("mail server: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// The mail server took too long.
    #[error("mail server: no answer in time")]
    Timeout,
}

/// Sends letters; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mailer {
    way: Arc<Way>,
    asked: Arc<Tally<(Purpose, String)>>,
}

#[derive(Debug)]
enum Way {
    Smtp { transport: Box<AsyncSmtpTransport<Tokio1Executor>>, from: Mailbox, host: String },
    Log,
}

impl Mailer {
    /// As configured; connects to nobody yet.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let smtp = &config.smtp;
        if smtp.host.is_empty() {
            return Ok(Self::by(Way::Log));
        }
        let host = config.public_host().to_owned();
        let address = if smtp.from.is_empty() { format!("shoal@{host}") } else { smtp.from.clone() };
        let from = address.parse::<Address>().map_err(|error| Error::Address(address.clone(), error))?;
        let from = Mailbox::new(Some(config.instance.name.clone()), from);
        let mut builder = match smtp.security {
            Security::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&smtp.host)?,
            Security::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&smtp.host)?,
            Security::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host.as_str()),
        };
        builder = builder.timeout(Some(COMMAND_TIMEOUT));
        if smtp.port != 0 {
            builder = builder.port(smtp.port);
        }
        if !smtp.username.is_empty() {
            builder = builder.credentials(Credentials::new(smtp.username.clone(), smtp.password.expose().to_owned()));
        }
        if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
            builder = builder.hello_name(ClientId::Domain(host.clone()));
        }
        Ok(Self::by(Way::Smtp { transport: Box::new(builder.build()), from, host }))
    }

    fn by(way: Way) -> Self {
        Self { way: Arc::new(way), asked: Arc::new(Tally::new(ASKED, ASKED_WINDOW)) }
    }

    /// Counts a letter that goes out because somebody asked for it. `whom`: the address it goes to, or the name of the user who asks.
    /// The error says how long there is to be no other.
    pub fn ask(&self, purpose: Purpose, whom: &str) -> Result<(), Duration> {
        self.asked.count((purpose, whom.to_owned()), Instant::now())
    }

    /// Counts a letter that a user has written to an address that may be somebody else's. Whoever may have none written any more uses
    /// up nothing of the address, nor of theirs if it gets no more.
    pub fn ask_for(&self, purpose: Purpose, username: &str, address: &str) -> Result<(), Duration> {
        self.ask(purpose, username)?;
        self.ask(purpose, address).inspect_err(|_| self.asked.take_back(&(purpose, username.to_owned())))
    }

    /// Whether letters leave this machine.
    pub fn is_connected(&self) -> bool {
        matches!(*self.way, Way::Smtp { .. })
    }

    /// Sends a plain text.
    pub async fn send(&self, to: &str, subject: &str, text: &str) -> Result<(), Error> {
        match &*self.way {
            Way::Log => {
                tracing::info!(to, subject, text, "mail.log");
                Ok(())
            }
            Way::Smtp { transport, from, host } => {
                let to = to.parse::<Address>().map_err(|error| Error::Address(to.to_owned(), error))?;
                let letter = Message::builder()
                    .from(from.clone())
                    .to(Mailbox::new(None, to))
                    .message_id(Some(format!("<{}@{host}>", Uuid::new_v4())))
                    .subject(subject)
                    .header(ContentType::TEXT_PLAIN)
                    .body(text.to_owned())?;
                tokio::time::timeout(SEND_TIMEOUT, transport.send(letter)).await.map_err(|_| Error::Timeout)??;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_mail_server_letters_go_to_the_log() {
        let mut config = Config::default();
        assert!(!Mailer::new(&config).expect("the log").is_connected());
        config.smtp.host = "127.0.0.1".into();
        config.smtp.security = Security::None;
        config.smtp.from = "tv@mail.example".into();
        assert!(Mailer::new(&config).expect("a mail server").is_connected());
    }

    #[test]
    fn boxes_are_not_filled_by_strangers() {
        let mailer = Mailer::new(&Config::default()).expect("the log");
        for _ in 0..ASKED {
            assert_eq!(mailer.ask(Purpose::ResetPassword, "ann@mail.example"), Ok(()));
        }
        assert!(mailer.clone().ask(Purpose::ResetPassword, "ann@mail.example").is_err());
        assert_eq!(mailer.ask(Purpose::ResetPassword, "bob@mail.example"), Ok(()));
        assert_eq!(mailer.ask(Purpose::VerifyEmail, "ann@mail.example"), Ok(()));
    }

    #[test]
    fn what_is_refused_uses_up_nothing() {
        const PURPOSE: Purpose = Purpose::VerifyPendingEmail;
        let mailer = Mailer::new(&Config::default()).expect("the log");
        for number in 0..ASKED {
            assert_eq!(mailer.ask_for(PURPOSE, "ann", &format!("{number}@mail.example")), Ok(()));
        }
        for _ in 0..ASKED {
            assert!(mailer.ask_for(PURPOSE, "ann", "bob@mail.example").is_err(), "ann asked enough");
        }
        for _ in 0..ASKED {
            assert_eq!(mailer.ask_for(PURPOSE, "bob", "bob@mail.example"), Ok(()));
        }
        for _ in 0..ASKED {
            assert!(mailer.ask_for(PURPOSE, "carl", "bob@mail.example").is_err(), "bob got enough");
        }
        assert_eq!(mailer.ask_for(PURPOSE, "carl", "carl@mail.example"), Ok(()));
    }
}
