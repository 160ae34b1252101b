use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{AnyConnection, Arguments as _, AssertSqlSafe, Row as _};

use super::{Error, Result, flag, maybe_timestamp, timestamp};
use crate::domain::{AccountId, OtpSecret, Quota, Role, Timestamp, Used, User, UserId};

/// The daily quota counts what was added within this time.
const DAY_MS: i64 = 86_400_000;

/// People who log in.
pub struct Users<'c>(pub(super) &'c mut AnyConnection);

/// A user to be; the account is made before.
#[derive(Clone, Copy, Debug)]
pub struct NewUser<'a> {
    /// Their account.
    pub account_id: AccountId,
    /// Login name.
    pub username: &'a str,
    /// May be empty.
    pub email: &'a str,
    /// Whether the address is proven; `None`: nobody asks for a proof.
    pub email_verified: Option<bool>,
    /// Argon2 in PHC form.
    pub password_hash: &'a str,
    /// What they may do.
    pub role: Role,
    /// How much they may upload.
    pub quota: Quota,
    /// PeerTube's bits.
    pub admin_flags: i64,
}

/// Which users a list holds.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Name or address contains this.
    pub search: Option<String>,
    /// Only those kept out (let in).
    pub blocked: Option<bool>,
    /// Only those with this role.
    pub role: Option<Role>,
    /// Order.
    pub sort: UserSort,
    /// Rows skipped.
    pub start: i64,
    /// Most rows.
    pub count: i64,
}

/// The order of a list of users, as PeerTube's `sort` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    /// `-createdAt`
    #[default]
    Newest,
    /// `createdAt`
    Oldest,
    /// `username`
    Name,
    /// `-username`
    NameReversed,
    /// `-lastLoginDate`
    LastLogin,
    /// `lastLoginDate`
    LastLoginReversed,
    /// `role`: administrators first
    Role,
    /// `-role`
    RoleReversed,
}

impl UserSort {
    /// From PeerTube's name; `None` when there is no such order.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "-createdAt" | "-id" => Self::Newest,
            "createdAt" | "id" => Self::Oldest,
            "username" => Self::Name,
            "-username" => Self::NameReversed,
            "-lastLoginDate" => Self::LastLogin,
            "lastLoginDate" => Self::LastLoginReversed,
            "role" => Self::Role,
            "-role" => Self::RoleReversed,
            _ => return None,
        })
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Newest => "id DESC",
            Self::Oldest => "id",
            Self::Name => "username",
            Self::NameReversed => "username DESC",
            // The databases disagree on where NULL stands.
            Self::LastLogin => "COALESCE(last_login_at, 0) DESC, id DESC",
            Self::LastLoginReversed => "COALESCE(last_login_at, 0), id",
            Self::Role => "role, id",
            Self::RoleReversed => "role DESC, id DESC",
        }
    }
}

impl Users<'_> {
    /// By row id.
    pub async fn by_id(&mut self, id: UserId) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE id = $1").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(user).transpose()
    }

    /// By row id, as they are now. Until this transaction ends nobody else holds or changes them, so that what is counted for them stays true.
    pub async fn hold(&mut self, id: UserId) -> Result<Option<User>> {
        // Takes the lock of the row; SQLite has one writer anyhow.
        let row =
            sqlx::query("UPDATE users SET blocked = blocked WHERE id = $1 RETURNING *").bind(id.0).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(user).transpose()
    }

    /// By login name, or by e-mail address.
    pub async fn by_login(&mut self, login: &str) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE username = $1 OR (email <> '' AND email = $1) ORDER BY id LIMIT 1")
            .bind(login.to_lowercase())
            .fetch_optional(&mut *self.0)
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// By e-mail address, in small letters; one that is not proven yet counts too.
    pub async fn by_email(&mut self, email: &str) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE email <> '' AND email = $1").bind(email).fetch_optional(&mut *self.0).await?;
        row.as_ref().map(user).transpose()
    }

    /// By the address that somebody wants to change to, in small letters.
    pub async fn by_pending_email(&mut self, email: &str) -> Result<Option<User>> {
        let row = sqlx::query("SELECT * FROM users WHERE pending_email = $1 ORDER BY id LIMIT 1")
            .bind(email)
            .fetch_optional(&mut *self.0)
            .await?;
        row.as_ref().map(user).transpose()
    }

    /// How many there are.
    pub async fn count(&mut self) -> Result<i64> {
        Ok(sqlx::query("SELECT COUNT(*) AS total FROM users").fetch_one(&mut *self.0).await?.try_get("total")?)
    }

    /// A page of the users that pass `filter`, and how many pass in all.
    pub async fn list(&mut self, filter: &UserFilter) -> Result<(i64, Vec<User>)> {
        let (narrowed, arguments) = conditions(filter)?;
        let sql = format!("SELECT COUNT(*) AS total FROM users {narrowed}");
        let total = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_one(&mut *self.0).await?.try_get("total")?;
        let (narrowed, mut arguments) = conditions(filter)?;
        let limit = bind(&mut arguments, filter.count)?;
        let offset = bind(&mut arguments, filter.start)?;
        let sql = format!("SELECT * FROM users {narrowed} ORDER BY {} LIMIT {limit} OFFSET {offset}", filter.sort.sql());
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut *self.0).await?;
        Ok((total, rows.iter().map(user).collect::<Result<_>>()?))
    }

    /// The administrators and moderators that can be written to.
    pub async fn moderators(&mut self) -> Result<Vec<User>> {
        let rows = sqlx::query("SELECT * FROM users WHERE role <> $1 AND blocked = 0 AND email <> '' ORDER BY id LIMIT 100")
            .bind(Role::User.code())
            .fetch_all(&mut *self.0)
            .await?;
        rows.iter().map(user).collect()
    }

    /// Adds a user; `Conflict` when the name or the address is taken.
    pub async fn create(&mut self, new: NewUser<'_>) -> Result<UserId> {
        let row = sqlx::query(
            "INSERT INTO users (account_id, username, email, email_verified, password_hash, role, video_quota, video_quota_daily,
                admin_flags, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
        )
        .bind(new.account_id.0)
        .bind(new.username)
        .bind(new.email.to_lowercase())
        .bind(new.email_verified.map(i64::from))
        .bind(new.password_hash)
        .bind(new.role.code())
        .bind(new.quota.total)
        .bind(new.quota.daily)
        .bind(new.admin_flags)
        .bind(Timestamp::now().as_millis())
        .fetch_one(&mut *self.0)
        .await?;
        Ok(UserId(row.try_get("id")?))
    }

    /// Writes back what people may change of themselves and of others; the password has a way of its own. `Conflict` when the
    /// address is taken.
    pub async fn update(&mut self, user: &User) -> Result<()> {
        let preferences = serde_json::to_string(&user.preferences).map_err(|_| Error::Corrupt("users.preferences"))?;
        sqlx::query(
            "UPDATE users SET email = $1, pending_email = $2, email_verified = $3, role = $4, blocked = $5, blocked_reason = $6,
                video_quota = $7, video_quota_daily = $8, admin_flags = $9, preferences = $10, two_factor_secret = $11,
                p2p_enabled = $12 WHERE id = $13",
        )
        .bind(&user.email)
        .bind(&user.pending_email)
        .bind(user.email_verified.map(i64::from))
        .bind(user.role.code())
        .bind(i64::from(user.blocked))
        .bind(&user.blocked_reason)
        .bind(user.quota.total)
        .bind(user.quota.daily)
        .bind(user.admin_flags)
        .bind(preferences)
        .bind(user.otp_secret.as_ref().map(OtpSecret::to_base32))
        .bind(i64::from(user.p2p_enabled))
        .bind(user.id.0)
        .execute(&mut *self.0)
        .await?;
        Ok(())
    }

    /// Replaces the password.
    pub async fn set_password(&mut self, id: UserId, password_hash: &str) -> Result<()> {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2").bind(password_hash).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Notes a login.
    pub async fn logged_in(&mut self, id: UserId, at: Timestamp) -> Result<()> {
        sqlx::query("UPDATE users SET last_login_at = $1 WHERE id = $2").bind(at.as_millis()).bind(id.0).execute(&mut *self.0).await?;
        Ok(())
    }

    /// Uses up the code of a time step (RFC 6238 section 5.2: each counts once); false when it, or a later one, was used before.
    pub async fn use_otp_step(&mut self, id: UserId, step: i64) -> Result<bool> {
        let result = sqlx::query("UPDATE users SET two_factor_step = $1 WHERE id = $2 AND two_factor_step < $1")
            .bind(step)
            .bind(id.0)
            .execute(&mut *self.0)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// How many bytes an account has here: of each video its largest file, as PeerTube counts, or what it is made of; and all captions.
    pub async fn used(&mut self, account_id: AccountId) -> Result<Used> {
        let yesterday = Timestamp::now().as_millis() - DAY_MS;
        Ok(Used { total: self.used_since(account_id, 0).await?, daily: self.used_since(account_id, yesterday).await? })
    }

    async fn used_since(&mut self, account_id: AccountId, since_ms: i64) -> Result<i64> {
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(largest), 0) AS BIGINT) AS used FROM
             (SELECT MAX(f.size_bytes) AS largest FROM
              (SELECT video_id, size_bytes, created_at FROM video_files UNION ALL SELECT video_id, size_bytes, created_at FROM video_sources) AS f
              JOIN videos v ON v.id = f.video_id JOIN channels c ON c.id = v.channel_id WHERE c.account_id = $1 AND f.created_at >= $2 GROUP BY v.id
              UNION ALL SELECT t.size_bytes AS largest FROM video_captions t JOIN videos v ON v.id = t.video_id
              JOIN channels c ON c.id = v.channel_id WHERE c.account_id = $1 AND t.updated_at >= $2) AS sizes",
        )
        .bind(account_id.0)
        .bind(since_ms)
        .fetch_one(&mut *self.0)
        .await?;
        Ok(row.try_get("used")?)
    }

    /// How many videos an account has.
    pub async fn count_videos(&mut self, account_id: AccountId) -> Result<i64> {
        let row = sqlx::query("SELECT COUNT(*) AS total FROM videos v JOIN channels c ON c.id = v.channel_id WHERE c.account_id = $1")
            .bind(account_id.0)
            .fetch_one(&mut *self.0)
            .await?;
        Ok(row.try_get("total")?)
    }
}

fn conditions(filter: &UserFilter) -> Result<(String, AnyArguments)> {
    let (mut parts, mut arguments) = (Vec::new(), AnyArguments::default());
    if let Some(text) = &filter.search {
        let pattern = bind(&mut arguments, super::like_pattern(text))?;
        parts.push(format!("(username LIKE {pattern} ESCAPE '\\' OR email LIKE {pattern} ESCAPE '\\')"));
    }
    if let Some(blocked) = filter.blocked {
        parts.push(format!("blocked = {}", bind(&mut arguments, i64::from(blocked))?));
    }
    if let Some(role) = filter.role {
        parts.push(format!("role = {}", bind(&mut arguments, role.code())?));
    }
    let sql = if parts.is_empty() { String::new() } else { format!("WHERE {}", parts.join(" AND ")) };
    Ok((sql, arguments))
}

/// Adds an argument; its placeholder.
pub(super) fn bind<'q, T>(arguments: &mut AnyArguments, value: T) -> Result<String>
where
    T: sqlx::Encode<'q, sqlx::Any> + sqlx::Type<sqlx::Any> + 'q,
{
    arguments.add(value).map_err(|error| Error::Database(sqlx::Error::Encode(error)))?;
    Ok(format!("${}", arguments.len()))
}

fn user(row: &AnyRow) -> Result<User> {
    let preferences: String = row.try_get("preferences")?;
    let otp_secret = row.try_get::<Option<String>, _>("two_factor_secret")?;
    Ok(User {
        id: UserId(row.try_get("id")?),
        account_id: AccountId(row.try_get("account_id")?),
        username: row.try_get("username")?,
        email: row.try_get("email")?,
        pending_email: row.try_get("pending_email")?,
        email_verified: row.try_get::<Option<i64>, _>("email_verified")?.map(|verified| verified != 0),
        password_hash: row.try_get("password_hash")?,
        role: Role::from_code(row.try_get("role")?),
        blocked: flag(row, "blocked")?,
        blocked_reason: row.try_get("blocked_reason")?,
        quota: Quota { total: row.try_get("video_quota")?, daily: row.try_get("video_quota_daily")? },
        admin_flags: row.try_get("admin_flags")?,
        preferences: serde_json::from_str(&preferences).map_err(|_| Error::Corrupt("users.preferences"))?,
        // A secret that cannot be read must not let anybody in without it.
        otp_secret: otp_secret.map(|text| OtpSecret::from_base32(&text).ok_or(Error::Corrupt("users.two_factor_secret"))).transpose()?,
        p2p_enabled: flag(row, "p2p_enabled")?,
        created_at: timestamp(row, "created_at")?,
        last_login_at: maybe_timestamp(row, "last_login_at")?,
    })
}
