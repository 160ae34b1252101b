-- Times are milliseconds since 1970, booleans 0 or 1. Kept in step with the other database's
-- folder by a test; queries are one text for both.

-- What accounts and channels have in common; they share one namespace. host '' is this instance.
CREATE TABLE actors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('account', 'channel', 'application')),
    name TEXT NOT NULL,
    host TEXT NOT NULL DEFAULT '',
    url TEXT UNIQUE,
    inbox_url TEXT,
    shared_inbox_url TEXT,
    outbox_url TEXT,
    followers_url TEXT,
    following_url TEXT,
    public_key TEXT,
    private_key TEXT,
    followers_count INTEGER NOT NULL DEFAULT 0,
    following_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (name, host)
);

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor_id INTEGER NOT NULL UNIQUE REFERENCES actors (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    description TEXT
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL DEFAULT '',
    password_hash TEXT NOT NULL,
    role INTEGER NOT NULL,
    blocked INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_login_at INTEGER
);

CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    actor_id INTEGER NOT NULL UNIQUE REFERENCES actors (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    description TEXT,
    support TEXT
);
CREATE INDEX channels_account ON channels (account_id);

-- Tokens are kept as SHA-256, hex: whoever reads the database cannot log in with them.
CREATE TABLE oauth_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    access_hash TEXT NOT NULL UNIQUE,
    access_expires_at INTEGER NOT NULL,
    refresh_hash TEXT NOT NULL UNIQUE,
    refresh_expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX oauth_tokens_user ON oauth_tokens (user_id);
CREATE INDEX oauth_tokens_expiry ON oauth_tokens (refresh_expires_at);

CREATE TABLE videos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    support TEXT,
    category INTEGER,
    licence INTEGER,
    language TEXT,
    privacy INTEGER NOT NULL,
    nsfw INTEGER NOT NULL DEFAULT 0,
    state INTEGER NOT NULL,
    is_live INTEGER NOT NULL DEFAULT 0,
    remote INTEGER NOT NULL DEFAULT 0,
    url TEXT UNIQUE,
    duration_ms INTEGER NOT NULL DEFAULT 0,
    aspect_ratio REAL,
    views INTEGER NOT NULL DEFAULT 0,
    likes INTEGER NOT NULL DEFAULT 0,
    dislikes INTEGER NOT NULL DEFAULT 0,
    thumbnail TEXT,
    preview TEXT,
    comments_policy INTEGER NOT NULL DEFAULT 1,
    download_enabled INTEGER NOT NULL DEFAULT 1,
    wait_transcoding INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    originally_published_at INTEGER
);
CREATE INDEX videos_channel ON videos (channel_id);
CREATE INDEX videos_published ON videos (privacy, state, published_at);

CREATE TABLE video_tags (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (video_id, position)
);
CREATE INDEX video_tags_tag ON video_tags (tag);

CREATE TABLE lives (
    video_id INTEGER NOT NULL PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    permanent INTEGER NOT NULL DEFAULT 0,
    save_replay INTEGER NOT NULL DEFAULT 0,
    replay_privacy INTEGER NOT NULL DEFAULT 1,
    latency_mode INTEGER NOT NULL DEFAULT 1,
    stream_key TEXT NOT NULL UNIQUE,
    longest_keyframe_interval_ms INTEGER
);

-- One broadcast of a live. resume: what the live room needs to go on after a restart.
CREATE TABLE live_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    error INTEGER,
    save_replay INTEGER NOT NULL DEFAULT 0,
    ending_processed INTEGER NOT NULL DEFAULT 0,
    replay_video_id INTEGER REFERENCES videos (id) ON DELETE SET NULL,
    resume TEXT
);
CREATE INDEX live_sessions_video ON live_sessions (video_id);
CREATE INDEX live_sessions_replay ON live_sessions (replay_video_id);

-- playlist and segments_sha256: file names for local videos, URLs for remote ones.
CREATE TABLE streaming_playlists (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id INTEGER NOT NULL UNIQUE REFERENCES videos (id) ON DELETE CASCADE,
    playlist TEXT NOT NULL,
    segments_sha256 TEXT,
    created_at INTEGER NOT NULL
);

CREATE TABLE video_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    playlist_id INTEGER REFERENCES streaming_playlists (id) ON DELETE CASCADE,
    file TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    size_bytes INTEGER NOT NULL,
    fps INTEGER NOT NULL DEFAULT -1,
    has_audio INTEGER NOT NULL DEFAULT 1,
    has_video INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    UNIQUE (video_id, file)
);

-- Views of a day (UTC), for statistics; videos.views is the sum.
CREATE TABLE video_views (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    views INTEGER NOT NULL,
    PRIMARY KEY (video_id, day)
);

-- Work that must survive a crash, written in the transaction that causes it.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'active', 'completed', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    run_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    error TEXT
);
CREATE INDEX jobs_due ON jobs (state, run_at);

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
