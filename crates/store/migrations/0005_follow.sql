-- What people did to our tickets on the other side: since when one is not shown any more, when it was seen closed by hand
-- while its request was pending. `sent` is what it was opened with.
ALTER TABLE tickets ADD COLUMN gone_at BIGINT;
ALTER TABLE tickets ADD COLUMN closed_by_hand_at BIGINT;
ALTER TABLE tickets ADD COLUMN sent TEXT;
