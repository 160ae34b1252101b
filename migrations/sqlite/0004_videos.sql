-- Lists: one pass over an index that holds every column that lists are narrowed by, in the order of the list.
DROP INDEX videos_published;
-- Views of the last days, for `-trending`; and a mark that grows with likes, views and the day of publication, for `-hot`.
ALTER TABLE videos ADD COLUMN trending INTEGER NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN hot INTEGER NOT NULL DEFAULT 0;
-- When its file was last replaced.
ALTER TABLE videos ADD COLUMN input_file_updated_at INTEGER;
UPDATE videos SET hot = published_at / 47;
CREATE INDEX videos_by_published ON videos (state, published_at, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_name ON videos (state, LOWER(name), id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_views ON videos (state, views, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_likes ON videos (state, likes, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_trending ON videos (state, trending, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_hot ON videos (state, hot, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_originally ON videos (state, COALESCE(originally_published_at, published_at), id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_created ON videos (state, created_at, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_updated ON videos (state, updated_at, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
CREATE INDEX videos_by_duration ON videos (state, duration_ms, id, privacy, nsfw, is_live, remote, category, licence, language, channel_id);
DROP INDEX video_tags_tag;
CREATE INDEX video_tags_lower ON video_tags (LOWER(tag), video_id);
CREATE INDEX video_views_day ON video_views (day, video_id, views);

-- What lists are searched in: title and tags, lower case. Found by any three characters in a row.
-- Only here: SQLite has an index of its own for that.
CREATE VIRTUAL TABLE video_search USING fts5 (text, tokenize = 'trigram');
CREATE TRIGGER video_search_delete AFTER DELETE ON videos BEGIN DELETE FROM video_search WHERE rowid = OLD.id; END;
-- In both again.
INSERT INTO video_search (rowid, text) SELECT id, LOWER(name) FROM videos;

-- The file that was uploaded or imported, below the video's folder of originals; its facts once it was probed.
CREATE TABLE video_sources (
    video_id INTEGER NOT NULL PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    file TEXT NOT NULL,
    input_filename TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    resolution INTEGER,
    width INTEGER,
    height INTEGER,
    fps INTEGER,
    created_at INTEGER NOT NULL
);

-- Uploads in parts. How much is there says the file's length. video_id: whose file is to be replaced; result_video_id: what it became.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    video_id INTEGER REFERENCES videos (id) ON DELETE CASCADE,
    filename TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    fields TEXT NOT NULL,
    thumbnail TEXT,
    preview TEXT,
    result_video_id INTEGER REFERENCES videos (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);
CREATE INDEX uploads_user ON uploads (user_id);
CREATE INDEX uploads_expiry ON uploads (expires_at);

CREATE TABLE video_imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    video_id INTEGER REFERENCES videos (id) ON DELETE SET NULL,
    target_url TEXT NOT NULL,
    state INTEGER NOT NULL,
    error TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX video_imports_user ON video_imports (user_id, id);
CREATE INDEX video_imports_video ON video_imports (video_id);
CREATE INDEX video_imports_state ON video_imports (state, id);

-- A change of privacy to come.
CREATE TABLE video_schedules (
    video_id INTEGER NOT NULL PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    update_at INTEGER NOT NULL,
    privacy INTEGER NOT NULL
);

-- Kept readable: owners are shown them. Not theirs to log in with.
CREATE TABLE video_passwords (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    password TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (video_id, password)
);

-- file: a name below the captions' folder for local videos, a URL for remote ones.
CREATE TABLE video_captions (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    file TEXT NOT NULL,
    automatically_generated INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (video_id, language)
);

CREATE TABLE video_chapters (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    timecode_s INTEGER NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (video_id, timecode_s)
);

-- rating: 1 like, -1 dislike. By account, as people elsewhere rate too; videos.likes and dislikes are the sums.
CREATE TABLE video_rates (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    rating INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, video_id)
);
CREATE INDEX video_rates_video ON video_rates (video_id);
CREATE INDEX video_rates_account ON video_rates (account_id, updated_at);

-- What a user watched, and where to go on.
CREATE TABLE user_video_history (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    position_s INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, video_id)
);
CREATE INDEX user_video_history_recent ON user_video_history (user_id, updated_at);
CREATE INDEX user_video_history_video ON user_video_history (video_id);

-- Who watched, summed over ten minutes: so many rows as time passes, however many watch.
-- present: viewers seen in that time; started: those among them who came in it.
CREATE TABLE video_watch (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    present INTEGER NOT NULL DEFAULT 0,
    started INTEGER NOT NULL DEFAULT 0,
    watch_ms INTEGER NOT NULL DEFAULT 0,
    peak INTEGER NOT NULL DEFAULT 0,
    peak_at INTEGER NOT NULL DEFAULT 0,
    http_bytes INTEGER NOT NULL DEFAULT 0,
    p2p_bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (video_id, slot)
);

-- How many viewers saw each hundredth of a video.
CREATE TABLE video_retention (
    video_id INTEGER NOT NULL REFERENCES videos (id) ON DELETE CASCADE,
    bucket INTEGER NOT NULL,
    viewers INTEGER NOT NULL,
    PRIMARY KEY (video_id, bucket)
);
