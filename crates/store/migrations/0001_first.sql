-- One text for SQLite and PostgreSQL. Ids and states TEXT, times BIGINT microseconds UTC, JSON TEXT. Forward only.

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  version BIGINT NOT NULL
);

-- Sealed by app: table, row and column are bound into each seal.
CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  sealed TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE companies (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  former_names TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX companies_by_name ON companies (name_key);

CREATE TABLE locations (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX locations_of_company ON locations (company_id, name_key);
CREATE INDEX locations_by_name ON locations (name_key, id);

CREATE TABLE computers (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  location_id TEXT NOT NULL REFERENCES locations (id),
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  os TEXT NOT NULL,
  os_version TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  agent_version TEXT NOT NULL,
  credential_hash TEXT NOT NULL,
  held_credential_hash TEXT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX computers_by_credential ON computers (credential_hash);
CREATE INDEX computers_by_held_credential ON computers (held_credential_hash) WHERE held_credential_hash IS NOT NULL;
CREATE INDEX computers_by_machine ON computers (machine_id);
CREATE INDEX computers_of_company ON computers (company_id, name_key, id);
CREATE INDEX computers_by_name ON computers (name_key, id);

CREATE TABLE technicians (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('l1', 'l2', 'l3', 'administrator', 'client_administrator', 'auditor')),
  access TEXT NOT NULL,
  accounts TEXT NOT NULL,
  disabled BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX technicians_by_email ON technicians (email_key);

CREATE TABLE contacts (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES companies (id),
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX contacts_by_email ON contacts (company_id, email_key);

CREATE TABLE links (
  kind TEXT NOT NULL CHECK (kind IN ('company', 'location', 'computer', 'technician', 'contact')),
  id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('unlinked', 'linked', 'ambiguous', 'missing')),
  psa_id TEXT,
  psa_name TEXT,
  psa_name_key TEXT,
  how TEXT CHECK (how IN ('auto', 'manual')),
  at BIGINT,
  candidates TEXT NOT NULL,
  PRIMARY KEY (kind, id)
);
CREATE INDEX links_by_psa_id ON links (kind, psa_id) WHERE psa_id IS NOT NULL;
CREATE INDEX links_by_psa_name ON links (kind, psa_name_key) WHERE psa_name_key IS NOT NULL;

CREATE TABLE enrollment_keys (
  id TEXT PRIMARY KEY,
  secret_hash TEXT NOT NULL,
  name TEXT NOT NULL,
  company_id TEXT REFERENCES companies (id),
  max_uses BIGINT,
  uses BIGINT NOT NULL,
  expires_at BIGINT,
  trusts_known_machines BIGINT NOT NULL,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX enrollment_keys_by_secret ON enrollment_keys (secret_hash);

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  technician_id TEXT NOT NULL REFERENCES technicians (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  may_decide BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);

-- One-use sign-in links.
CREATE TABLE sign_in_links (
  hash TEXT PRIMARY KEY,
  technician_id TEXT NOT NULL REFERENCES technicians (id),
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  created_at BIGINT NOT NULL
);

-- The portal's sessions. A row's id is the SHA-256 of the cookie.
CREATE TABLE portal_sessions (
  hash TEXT PRIMARY KEY,
  technician_id TEXT NOT NULL REFERENCES technicians (id),
  form_token TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX portal_sessions_by_technician ON portal_sessions (technician_id);

CREATE TABLE requests (
  id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL,
  location_id TEXT NOT NULL,
  computer_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'withdrawn', 'expired', 'revoked')),
  version BIGINT NOT NULL,
  same_as TEXT NOT NULL,
  joined_to TEXT,
  received_at BIGINT NOT NULL,
  due_at BIGINT,
  body TEXT NOT NULL,
  search TEXT NOT NULL
);
CREATE INDEX requests_by_company ON requests (company_id, state, received_at, id);
CREATE INDEX requests_by_state ON requests (state, received_at, id);
CREATE INDEX requests_by_time ON requests (received_at, id);
CREATE INDEX requests_by_computer ON requests (computer_id, received_at, id);
CREATE INDEX requests_due ON requests (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX requests_joined ON requests (joined_to) WHERE joined_to IS NOT NULL;
-- `state` stands in the index too: without statistics SQLite prefers an index that uses every equality.
CREATE UNIQUE INDEX requests_same ON requests (same_as, state) WHERE state = 'pending' AND joined_to IS NULL;

-- When a technician first looked at a request, for measured working time.
CREATE TABLE looks (
  request_id TEXT NOT NULL,
  technician_id TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (request_id, technician_id)
);

-- What we know of the ticket of a lane.
CREATE TABLE tickets (
  lane TEXT PRIMARY KEY,
  psa_id TEXT NOT NULL,
  url TEXT NOT NULL,
  now TEXT NOT NULL,
  booked TEXT,
  opened_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  expected TEXT,
  verify_at BIGINT
);
CREATE INDEX tickets_by_psa_id ON tickets (psa_id);
CREATE INDEX tickets_by_number ON tickets (LENGTH(psa_id), psa_id);
CREATE INDEX tickets_to_verify ON tickets (verify_at) WHERE verify_at IS NOT NULL;

-- The steps of a lane, in order. `queued` waits for an earlier step of its lane, `parked` for a link. `doubt_at` is the end
-- of an attempt of which nobody knows whether it was applied; `floor` the highest ticket id seen before it.
CREATE TABLE steps (
  id TEXT PRIMARY KEY,
  lane TEXT NOT NULL,
  seq BIGINT NOT NULL,
  kind TEXT NOT NULL,
  nth BIGINT NOT NULL,
  subject TEXT NOT NULL,
  company_id TEXT,
  priority BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'parked', 'sending', 'attention', 'done', 'given_up')),
  attempts BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  claimed_by TEXT,
  doubt_at BIGINT,
  floor TEXT,
  words TEXT,
  ended_at BIGINT
);
CREATE UNIQUE INDEX steps_by_lane ON steps (lane, seq);
CREATE INDEX steps_due ON steps (state, priority, due_at, id) WHERE state = 'waiting';
CREATE INDEX steps_sending ON steps (claimed_by) WHERE state = 'sending';
CREATE INDEX steps_parked ON steps (company_id, state) WHERE state = 'parked';
CREATE INDEX steps_by_state ON steps (state, id);

CREATE TABLE attempts (
  step_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  lane TEXT NOT NULL,
  kind TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  ms BIGINT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('done', 'refused', 'later', 'unknown', 'found', 'absent', 'unseen', 'not_needed', 'parked')),
  status BIGINT,
  words TEXT NOT NULL,
  PRIMARY KEY (step_id, n)
);
CREATE INDEX attempts_by_lane ON attempts (lane, started_at);

-- Workers that share the database. A beat that stands still on another's own clock gives its steps up.
CREATE TABLE nodes (
  id TEXT PRIMARY KEY,
  beat BIGINT NOT NULL
);

-- One chain per writer and start. `digest` is of the body, so that a body can be redacted later.
CREATE TABLE audit (
  chain TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  company_id TEXT,
  body TEXT NOT NULL,
  digest TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_by_time ON audit (at, chain, seq);
CREATE INDEX audit_by_object ON audit (object, at);

CREATE TABLE checkpoints (
  n BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  heads TEXT NOT NULL,
  prev TEXT NOT NULL,
  hash TEXT NOT NULL,
  signature TEXT NOT NULL
);
