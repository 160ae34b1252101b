-- What running an instance needs to know of its jobs, and of where files are.

-- heavy: decoders and encoders, of which few run at once. progress: percent. video_id: what the job works on; a video that is
-- deleted takes these jobs along (those that clean up after it name none).
ALTER TABLE jobs ADD COLUMN heavy BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN progress BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN video_id BIGINT REFERENCES videos (id) ON DELETE CASCADE;
CREATE INDEX jobs_video ON jobs (video_id);

-- The files of a local video. storage: 0 disk, 1 object storage. version: what the names of its renditions begin with.
-- original: what was uploaded, if it is kept. error: why its files could not be made, for its owner.
CREATE TABLE video_media (
    video_id BIGINT NOT NULL PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    storage BIGINT NOT NULL DEFAULT 0,
    version TEXT,
    original TEXT,
    error TEXT
);

-- Sprites of a video in one picture, row by row; sizes in pixels. file: a name in the video's folder that nobody can guess.
CREATE TABLE storyboards (
    video_id BIGINT NOT NULL PRIMARY KEY REFERENCES videos (id) ON DELETE CASCADE,
    file TEXT NOT NULL,
    total_width BIGINT NOT NULL,
    total_height BIGINT NOT NULL,
    sprite_width BIGINT NOT NULL,
    sprite_height BIGINT NOT NULL,
    sprite_duration_s BIGINT NOT NULL
);

-- Of its torrent, hex; NULL until a job, or who asked for the torrent, had the file hashed.
ALTER TABLE video_files ADD COLUMN info_hash TEXT;
