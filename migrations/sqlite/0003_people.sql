-- People: how they came, what they chose, what keeps others out.

ALTER TABLE users ADD COLUMN pending_email TEXT;
-- 0 until the address is proven; NULL where nobody asked for a proof.
ALTER TABLE users ADD COLUMN email_verified INTEGER;
ALTER TABLE users ADD COLUMN blocked_reason TEXT;
-- In bytes; -1 is without limit.
ALTER TABLE users ADD COLUMN video_quota INTEGER NOT NULL DEFAULT -1;
ALTER TABLE users ADD COLUMN video_quota_daily INTEGER NOT NULL DEFAULT -1;
ALTER TABLE users ADD COLUMN admin_flags INTEGER NOT NULL DEFAULT 0;
-- Settings of their pages, as JSON.
ALTER TABLE users ADD COLUMN preferences TEXT NOT NULL DEFAULT '{}';
-- TOTP, base32; readable, as the server computes codes with it. two_factor_step: of the last code, which counts once.
ALTER TABLE users ADD COLUMN two_factor_secret TEXT;
ALTER TABLE users ADD COLUMN two_factor_step INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX users_email ON users (email) WHERE email <> '';

-- Avatars and banners in all their sizes, as JSON: they are read with the actor and change together.
ALTER TABLE actors ADD COLUMN images TEXT;

-- Where a session began and where it was last seen.
ALTER TABLE oauth_tokens ADD COLUMN login_device TEXT;
ALTER TABLE oauth_tokens ADD COLUMN login_ip TEXT;
ALTER TABLE oauth_tokens ADD COLUMN login_at INTEGER;
ALTER TABLE oauth_tokens ADD COLUMN active_device TEXT;
ALTER TABLE oauth_tokens ADD COLUMN active_ip TEXT;
ALTER TABLE oauth_tokens ADD COLUMN active_at INTEGER;

-- People who would like to have an account.
CREATE TABLE registrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    moderation_response TEXT,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    email_verified INTEGER,
    password_hash TEXT NOT NULL,
    display_name TEXT,
    channel_name TEXT UNIQUE,
    channel_display_name TEXT,
    user_id INTEGER UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    processed_at INTEGER
);
CREATE INDEX registrations_state ON registrations (state);

-- What was mailed to prove an address or to set a password: SHA-256, hex, of what can be used once.
CREATE TABLE one_time_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    registration_id INTEGER REFERENCES registrations (id) ON DELETE CASCADE,
    hash TEXT NOT NULL UNIQUE,
    value TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX one_time_secrets_user ON one_time_secrets (user_id);
CREATE INDEX one_time_secrets_registration ON one_time_secrets (registration_id);
CREATE INDEX one_time_secrets_expiry ON one_time_secrets (expires_at);

-- Archives of what a user has here. file: below the folder of exports, once it is complete.
CREATE TABLE user_exports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    state INTEGER NOT NULL,
    error TEXT,
    with_video_files INTEGER NOT NULL DEFAULT 0,
    file TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX user_exports_user ON user_exports (user_id);
