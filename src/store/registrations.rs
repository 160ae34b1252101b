use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::users::bind;
use super::{Error, Result, timestamp};
use crate::domain::{Registration, RegistrationId, RegistrationState, Timestamp, UserId};

/// People who would like to have an account.
pub struct Registrations<'c>(pub(super) &'c mut AnyConnection);

/// A registration to be, checked.
#[derive(Clone, Copy, Debug)]
pub struct NewRegistration<'a> {
    /// Why they would like to.
    pub reason: &'a str,
    /// The login name they chose.
    pub username: &'a str,
    /// In small letters.
    pub email: &'a str,
    /// `Some(false)` when a proof is asked for.
    pub email_verified: Option<bool>,
    /// Argon2 in PHC form.
    pub password_hash: &'a str,
    /// Of the account, as shown.
    pub display_name: Option<&'a str>,
    /// The first channel's name.
    pub channel_name: Option<&'a str>,
    /// The first channel's name as shown.
    pub channel_display_name: Option<&'a str>,
}

/// Which registrations a list holds.
#[derive(Clone, Debug, Default)]
pub struct RegistrationFilter {
    /// Name or address contains this.
    pub search: Option<String>,
    /// Only in these states; empty: any.
    pub states: Vec<RegistrationState>,
    /// Order.
    pub sort: RegistrationSort,
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
}

/// The order of a list of registrations, as PeerTube's `sort` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegistrationSort {
    /// `-createdAt`
    #[default]
    Newest,
    /// `createdAt`
    Oldest,
    /// `state`
    State,
    /// `-state`
    StateReversed,
}

impl RegistrationSort {
    /// From PeerTube's name; `None` when there is no such order.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "-createdAt" => Self::Newest,
            "createdAt" => Self::Oldest,
            "state" => Self::State,
            "-state" => Self::StateReversed,
            _ => return None,
        })
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Newest => "id DESC",
            Self::Oldest => "id",
            Self::State => "state, id",
            Self::StateReversed => "state DESC, id DESC",
        }
    }
}

impl Registrations<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: RegistrationId) -> Result<Option<Registration>> {
        let row = sqlx::query("SELECT * FROM registrations WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(registration).transpose()
    }

    /// By login name, or by e-mail address, in small letters.
    pub async fn by_login(&mut self, login: &str) -> Result<Option<Registration>> {
        let row = sqlx::query("SELECT * FROM registrations WHERE username = $1 OR email = $1 ORDER BY id LIMIT 1")
            .bind(login)
            .fetch_optional(&mut *self.0)
            .await?;
        row.as_ref().map(registration).transpose()
    }

    /// By e-mail address, in small letters.
    pub async fn by_email(&mut self, email: &str) -> Result<Option<Registration>> {
        let row = sqlx::query("SELECT * FROM registrations WHERE email = $1").bind(email).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(registration).transpose()
    }

    /// Whether somebody asked for this user's or channel's name before and has not been accepted: names share one namespace.
    pub async fn is_asked_for(&mut self, name: &str) -> Result<bool> {
        let row = sqlx::query("SELECT id FROM registrations WHERE state <> $1 AND (username = $2 OR channel_name = $2) LIMIT 1")
            .bind(RegistrationState::Accepted.code())
            .bind(name)
            .fetch_optional(&mut *self.0)
            .await?;
        Ok(row.is_some())
    }

    /// How many wait for an answer.
    pub async fn count_pending(&mut self) -> Result<i64> {
        let row = sqlx::query("SELECT COUNT(*) AS total FROM registrations WHERE state = $1")
            .bind(RegistrationState::Pending.code())
            .fetch_one(&mut *self.0)
            .await?;
        Ok(row.try_get("total")?)
    }

    /// A page of the registrations that pass `filter`, and how many pass in all.
    pub async fn list(&mut self, filter: &RegistrationFilter) -> Result<(i64, Vec<Registration>)> {
        let (narrowed, arguments) = conditions(filter)?;
        let sql = format!("SELECT COUNT(*) AS total FROM registrations {narrowed}");
        let total = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_one(&mut *self.0).await?.try_get("total")?;
        let (narrowed, mut arguments) = conditions(filter)?;
        let limit = bind(&mut arguments, filter.count)?;
        let offset = bind(&mut arguments, filter.start)?;
        let sql = format!("SELECT * FROM registrations {narrowed} ORDER BY {} LIMIT {limit} OFFSET {offset}", filter.sort.sql());
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(registration).collect::<Result<_>>()?))
    }

    /// Adds a registration that waits for an answer; `Conflict` when name, address or channel were asked for before.
    pub async fn create(&mut self, new: NewRegistration<'_>) -> Result<RegistrationId> {
        let now = Timestamp::now().as_millis();
        let row = sqlx::query(
            "INSERT INTO registrations (state, reason, username, email, email_verified, password_hash, display_name, channel_name,
                channel_display_name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        )
        .bind(RegistrationState::Pending.code())
        .bind(new.reason)
        .bind(new.username)
        .bind(new.email)
        .bind(new.email_verified.map(i64::from))
        .bind(new.password_hash)
        .bind(new.display_name)
        .bind(new.channel_name)
        .bind(new.channel_display_name)
        .bind(now)
        .bind(now)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(RegistrationId(row.try_get("id")?))
    }

    /// There is a user now: the registration's copy of the password goes.
    pub async fn accept(&mut self, id: RegistrationId, user_id: UserId, response: &str) -> Result<()> {
        sqlx::query(
            "UPDATE registrations SET state = $1, user_id = $2, moderation_response = $3, password_hash = '', processed_at = $4,
                updated_at = $4 WHERE id = $5",
        )
        .bind(RegistrationState::Accepted.code())
        .bind(user_id.0)
        .bind(response)
        .bind(Timestamp::now().as_millis())
        .bind(id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// There will be no user; whoever knows the password is told so at the login.
    pub async fn reject(&mut self, id: RegistrationId, response: &str) -> Result<()> {
        sqlx::query("UPDATE registrations SET state = $1, moderation_response = $2, processed_at = $3, updated_at = $3 WHERE id = $4")
            .bind(RegistrationState::Rejected.code())
            .bind(response)
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// The address is proven.
    pub async fn verify_email(&mut self, id: RegistrationId) -> Result<()> {
        sqlx::query("UPDATE registrations SET email_verified = 1, updated_at = $1 WHERE id = $2")
            .bind(Timestamp::now().as_millis())
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(())
    }

    /// Forgets those who have waited for an answer since before `asked_before`, and have neither proven their address, as they were to,
    /// nor a letter with which they still can. How many they were.
    pub async fn remove_unproven(&mut self, asked_before: Timestamp, now: Timestamp) -> Result<u64> {
        let result = sqlx::query(
            "DELETE FROM registrations WHERE state = $1 AND email_verified = 0 AND created_at < $2 AND NOT EXISTS
                (SELECT 1 FROM one_time_secrets s WHERE s.registration_id = registrations.id AND s.expires_at >= $3)",
        )
        .bind(RegistrationState::Pending.code())
        .bind(asked_before.as_millis())
        .bind(now.as_millis())
        .execute(&mut *self.0)
        .await?;
        Ok(result.rows_affected())
    }

    /// Forgets a registration; the user who came of it stays. False when it was gone.
    pub async fn delete(&mut self, id: RegistrationId) -> Result<bool> {
        let result = sqlx::query("DELETE FROM registrations WHERE id = $1").bind(id.0).execute(&mut *self.0).await?;
        Ok(result.rows_affected() > 0)
    }
}

fn conditions(filter: &RegistrationFilter) -> Result<(String, AnyArguments)> {
    let (mut parts, mut arguments) = (Vec::new(), AnyArguments::default());
    if let Some(text) = &filter.search {
        let pattern = bind(&mut arguments, super::like_pattern(text))?;
        parts.push(format!("(username LIKE {pattern} ESCAPE '\\' OR email LIKE {pattern} ESCAPE '\\')"));
    }
    if !filter.states.is_empty() {
        let states = filter.states.iter().map(|state| bind(&mut arguments, state.code())).collect::<Result<Vec<_>>>()?;
        parts.push(format!("state IN ({})", states.join(", ")));
    }
    let sql = if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    Ok((sql, arguments))
}

fn registration(row: &AnyRow) -> Result<Registration> {
    Ok(Registration {
        id: RegistrationId(row.try_get("id")?),
        state: RegistrationState::from_code(row.try_get("state")?).ok_or(Error::Corrupt("registrations.state"))?,
        reason: row.try_get("reason")?,
        moderation_response: row.try_get("moderation_response")?,
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        email_verified: row.try_get::<Option<i64>, _>("email_verified")?.map(|verified| verified != 0),
        password_hash: row.try_get("password_hash")?,
        display_name: row.try_get("display_name")?,
        channel_name: row.try_get("channel_name")?,
        channel_display_name: row.try_get("channel_display_name")?,
        user_id: row.try_get::<Option<i64>, _>("user_id")?.map(UserId),
        created_at: timestamp(row, "created_at")?,
        updated_at: timestamp(row, "updated_at")?,
    })
}
