-- Why a step does not go on, and since when; cleared when it does.
ALTER TABLE steps ADD COLUMN cause TEXT;
ALTER TABLE steps ADD COLUMN since BIGINT;
ALTER TABLE attempts ADD COLUMN cause TEXT;
CREATE INDEX steps_by_cause ON steps (cause, state, id) WHERE cause IS NOT NULL;

-- Tickets that are gone and were replaced by a new one because a person said so.
CREATE TABLE former_tickets (
  lane TEXT NOT NULL,
  psa_id TEXT NOT NULL,
  url TEXT NOT NULL,
  now TEXT NOT NULL,
  booked TEXT,
  replaced_at BIGINT NOT NULL,
  PRIMARY KEY (lane, psa_id)
);
CREATE INDEX former_tickets_by_psa_id ON former_tickets (psa_id);

-- What was told of a cause to a target: `raise` is to be told, `told` is known there, `clear` is over and to be told.
-- `next_at` is the time of the next try or reminder; who changes `version` is who sends.
CREATE TABLE alerts (
  cause TEXT NOT NULL,
  target TEXT NOT NULL CHECK (target IN ('mail', 'webhook')),
  stage TEXT NOT NULL CHECK (stage IN ('raise', 'told', 'clear')),
  began_at BIGINT NOT NULL,
  told_at BIGINT,
  next_at BIGINT NOT NULL,
  tries BIGINT NOT NULL,
  failure TEXT,
  version BIGINT NOT NULL,
  PRIMARY KEY (cause, target)
);
