-- The request that asks again, for which a ticket was seen open after that was told on it: from then on, closing it is a
-- person's doing and not the denial's.
ALTER TABLE tickets ADD COLUMN open_for TEXT;
CREATE INDEX requests_again ON requests (again_of, received_at) WHERE again_of IS NOT NULL;
