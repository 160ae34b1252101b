-- Whether somebody's own pages share videos with other viewers, as long as nothing else was chosen on a page.
ALTER TABLE users ADD COLUMN p2p_enabled BIGINT NOT NULL DEFAULT 1;
