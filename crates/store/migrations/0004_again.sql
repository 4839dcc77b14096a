-- A request that asks again for what was denied a short while ago: the request whose lane, and ticket, tells of both; and
-- on the one that was denied, until when the same is asked again.
ALTER TABLE requests ADD COLUMN again_of TEXT;
ALTER TABLE requests ADD COLUMN again_until BIGINT;
CREATE INDEX requests_denied ON requests (same_as, again_until) WHERE again_until IS NOT NULL;

-- Since when a ticket may hold what this database does not remember, because it was restored or lost the request: such a
-- ticket is looked at before anything is written on it.
ALTER TABLE tickets ADD COLUMN doubt_at BIGINT;
