-- Only companies are looked for by their customer. Indexes over every link made each chunk of a directory sync write pages
-- from all over them: their order is not that of our records.
DROP INDEX links_by_psa_id;
DROP INDEX links_by_psa_name;
CREATE INDEX companies_by_customer ON links (psa_id, id) WHERE kind = 'company' AND psa_id IS NOT NULL;
CREATE INDEX companies_by_customer_name ON links (psa_name_key) WHERE kind = 'company' AND psa_name_key IS NOT NULL;
