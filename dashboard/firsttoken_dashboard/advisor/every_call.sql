-- Which site made each call of the window? The view `every_call`: the columns of `located` (located.sql) and site_id, for
-- questions that a sample cannot answer. Everything else is asked of `audited`. Where a site's code was changed because
-- of a finding, only its calls since then count: those before would blame it for what is mended.
CREATE OR REPLACE TEMP VIEW every_call AS
SELECT located.*, places.site_id
FROM located
INNER JOIN places ON located.place = places.place
WHERE places.changed_at IS NULL OR located.start_time >= places.changed_at
