-- Which site made each call of the window? The view `every_call`: the columns of `located` (located.sql) and site_id, for
-- questions that a sample cannot answer. Everything else is asked of `audited`.
CREATE OR REPLACE TEMP VIEW every_call AS
SELECT located.*, places.site_id
FROM located
INNER JOIN places ON located.place = places.place
