//! What letters say. Each is a job: it is written when it goes out, and the secret in its link is made then, so that no
//! secret lies in the table of jobs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::domain::{Registration, RegistrationId, RegistrationState, Timestamp, User, UserId};
use crate::jobs::{Failure, Job};
use crate::secrets;
use crate::store::{Holder, Purpose, Tx};

/// A link to a forgotten password's page, or one that proves an address, is good for so long, as PeerTube's.
pub const LIFETIME: Duration = Duration::from_secs(3600);
/// A link to choose the first password.
const FIRST_PASSWORD_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// A letter to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letter {
    /// Prove the address.
    VerifyEmail(UserId),
    /// Prove the address that is to replace the present one.
    VerifyPendingEmail(UserId),
    /// Prove the address of a registration.
    VerifyRegistration(RegistrationId),
    /// Choose a new password.
    ResetPassword(UserId),
    /// Choose the first password.
    CreatePassword(UserId),
    /// The answer to a registration.
    RegistrationAnswered(RegistrationId),
    /// Somebody would like to have an account.
    NewRegistration {
        /// Who.
        registration: RegistrationId,
        /// To whom this is told.
        moderator: UserId,
    },
    /// Kept out from now on.
    Blocked(UserId),
    /// Let in again.
    Unblocked(UserId),
    /// The archive of one's data can be fetched.
    ExportReady(UserId),
}

/// A letter, ready to go out.
struct Written {
    to: String,
    subject: String,
    text: String,
}

impl Job for Letter {
    const NAME: &'static str = "send-mail";

    async fn run(self, app: &App) -> Result<(), Failure> {
        // Whoever it was for may be gone by now, or have no address.
        let Some(letter) = self.write(app).await?.filter(|letter| !letter.to.is_empty()) else { return Ok(()) };
        let name = &app.config.instance.name;
        let text = format!("{}\n\n-- \n{name}, {}\n", letter.text, app.public_url());
        Ok(app.mailer.send(&letter.to, &format!("[{name}] {}", letter.subject), &text).await?)
    }
}

impl Letter {
    async fn write(&self, app: &App) -> Result<Option<Written>, Failure> {
        let mut tx = app.store.write().await?;
        let written = match *self {
            Self::VerifyEmail(id) => match tx.users().by_id(id).await? {
                Some(user) if user.email_verified == Some(false) => {
                    let secret = secret(&mut tx, Purpose::VerifyEmail, Holder::User(id), &user.email, LIFETIME).await?;
                    Some(verify(user.email, &user.username, &verify_url(app, "userId", id.0, &secret)))
                }
                _ => None,
            },
            Self::VerifyPendingEmail(id) => match tx.users().by_id(id).await? {
                Some(User { pending_email: Some(email), username, .. }) => {
                    let secret = secret(&mut tx, Purpose::VerifyPendingEmail, Holder::User(id), &email, LIFETIME).await?;
                    let url = format!("{}&isPendingEmail=true", verify_url(app, "userId", id.0, &secret));
                    Some(verify(email, &username, &url))
                }
                _ => None,
            },
            Self::VerifyRegistration(id) => match tx.registrations().by_id(id).await? {
                Some(registration) if registration.email_verified == Some(false) => {
                    let holder = Holder::Registration(id);
                    let secret = secret(&mut tx, Purpose::VerifyRegistration, holder, &registration.email, LIFETIME).await?;
                    Some(verify(registration.email, &registration.username, &verify_url(app, "registrationId", id.0, &secret)))
                }
                _ => None,
            },
            Self::ResetPassword(id) => match tx.users().by_id(id).await? {
                Some(user) => {
                    let secret = secret(&mut tx, Purpose::ResetPassword, Holder::User(id), &user.email, LIFETIME).await?;
                    Some(reset_password(&user, &password_url(app, id, &secret)))
                }
                None => None,
            },
            Self::CreatePassword(id) => match tx.users().by_id(id).await? {
                Some(user) => {
                    let lifetime = FIRST_PASSWORD_LIFETIME;
                    let secret = secret(&mut tx, Purpose::ResetPassword, Holder::User(id), &user.email, lifetime).await?;
                    Some(create_password(&user, &password_url(app, id, &secret)))
                }
                None => None,
            },
            Self::RegistrationAnswered(id) => tx.registrations().by_id(id).await?.and_then(|registration| answer(registration, app)),
            Self::NewRegistration { registration, moderator } => {
                match (tx.registrations().by_id(registration).await?, tx.users().by_id(moderator).await?) {
                    (Some(registration), Some(moderator)) => Some(new_registration(&registration, moderator, app)),
                    _ => None,
                }
            }
            Self::Blocked(id) => tx.users().by_id(id).await?.filter(|user| user.blocked).map(blocked),
            Self::Unblocked(id) => tx.users().by_id(id).await?.filter(|user| !user.blocked).map(unblocked),
            Self::ExportReady(id) => tx.users().by_id(id).await?.map(|user| export_ready(user, app)),
        };
        tx.commit().await?;
        Ok(written)
    }
}

/// A new secret for a link in a letter to `address`; those of earlier letters do not count any more.
async fn secret(tx: &mut Tx, purpose: Purpose, holder: Holder, address: &str, lifetime: Duration) -> crate::store::Result<String> {
    let secret = secrets::random_hex::<20>();
    tx.one_time().put(purpose, holder, &secrets::hash(&secret), Some(address), Timestamp::now().plus(lifetime)).await?;
    Ok(secret)
}

/// Where PeerTube's pages take the secret.
fn verify_url(app: &App, whose: &str, id: i64, secret: &str) -> String {
    format!("{}/verify-account/email?{whose}={id}&verificationString={secret}", app.public_url())
}

fn password_url(app: &App, id: UserId, secret: &str) -> String {
    format!("{}/reset-password?userId={id}&verificationString={secret}", app.public_url())
}

fn verify(to: String, username: &str, url: &str) -> Written {
    let text = format!(
        "Hello {username},\n\nplease follow this link to confirm that this address is yours; it is good for an hour:\n\n{url}\n\n\
         If you did not ask for this, do nothing."
    );
    Written { to, subject: "Confirm your address".into(), text }
}

fn reset_password(user: &User, url: &str) -> Written {
    let text = format!(
        "Hello {},\n\nsomebody asked for a new password for your account. Choose one here within an hour:\n\n{url}\n\n\
         If that was not you, do nothing: your password stays as it is.",
        user.username
    );
    Written { to: user.email.clone(), subject: "Choose a new password".into(), text }
}

fn create_password(user: &User, url: &str) -> Written {
    let text = format!(
        "Hello {0},\n\nthere is an account for you, by the name {0}. Choose your password here within a week:\n\n{url}",
        user.username
    );
    Written { to: user.email.clone(), subject: "Your new account".into(), text }
}

fn answer(registration: Registration, app: &App) -> Option<Written> {
    let response = registration.moderation_response.unwrap_or_default();
    let (subject, text) = match registration.state {
        RegistrationState::Accepted => ("Welcome", format!("you have an account now: log in at {}/login", app.public_url())),
        RegistrationState::Rejected => ("Your registration", "we are sorry: there will be no account for you here.".to_owned()),
        RegistrationState::Pending => return None,
    };
    let text = format!("Hello {},\n\n{text}\n\n{response}", registration.username);
    Some(Written { to: registration.email, subject: subject.into(), text: text.trim_end().to_owned() })
}

fn new_registration(registration: &Registration, moderator: User, app: &App) -> Written {
    let text = format!(
        "Hello {},\n\n{} would like to have an account:\n\n{}\n\nAnswer at {}/admin/moderation/registrations/list",
        moderator.username,
        registration.username,
        registration.reason,
        app.public_url()
    );
    Written { to: moderator.email, subject: format!("{} would like to join", registration.username), text }
}

fn blocked(user: User) -> Written {
    let reason = user.blocked_reason.map_or_else(String::new, |reason| format!(" The reason: {reason}"));
    let text = format!("Hello {},\n\nyour account has been blocked by the moderators.{reason}", user.username);
    Written { to: user.email, subject: "Your account is blocked".into(), text }
}

fn unblocked(user: User) -> Written {
    let text = format!("Hello {},\n\nyour account is not blocked any more.", user.username);
    Written { to: user.email, subject: "Your account is not blocked any more".into(), text }
}

fn export_ready(user: User, app: &App) -> Written {
    let text = format!(
        "Hello {},\n\nthe archive of your data is ready. Fetch it within two days at {}/my-account/import-export",
        user.username,
        app.public_url()
    );
    Written { to: user.email, subject: "Your archive is ready".into(), text }
}
