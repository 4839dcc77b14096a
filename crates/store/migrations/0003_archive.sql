-- An archived record leaves lists, counts, linking and choices, and keeps its history. What belongs to a company is
-- archived with it, at the same moment, so that restoring the company brings just that back.
ALTER TABLE companies ADD COLUMN archived_at BIGINT;
ALTER TABLE locations ADD COLUMN archived_at BIGINT;
ALTER TABLE computers ADD COLUMN archived_at BIGINT;
ALTER TABLE contacts ADD COLUMN archived_at BIGINT;

CREATE INDEX companies_archived ON companies (name_key, id) WHERE archived_at IS NOT NULL;
CREATE INDEX locations_archived ON locations (name_key, id) WHERE archived_at IS NOT NULL;
CREATE INDEX computers_archived ON computers (name_key, id) WHERE archived_at IS NOT NULL;
CREATE INDEX contacts_archived ON contacts (name_key, id) WHERE archived_at IS NOT NULL;
CREATE INDEX computers_of_location ON computers (location_id);

-- Lists go by name or by creation, each in the order of an index.
CREATE INDEX contacts_by_name ON contacts (name_key, id);
CREATE INDEX technicians_by_name ON technicians (name_key, id);
CREATE INDEX companies_by_creation ON companies (created_at, id);
CREATE INDEX locations_by_creation ON locations (created_at, id);
CREATE INDEX computers_by_creation ON computers (created_at, id);
CREATE INDEX contacts_by_creation ON contacts (created_at, id);
CREATE INDEX technicians_by_creation ON technicians (created_at, id);
