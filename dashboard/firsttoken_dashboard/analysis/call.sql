-- What is known of one call? Every column of `priced_calls` for the span $span; found first, and then priced.
SELECT * EXCLUDE (row_id)
FROM priced_calls
WHERE row_id IN (SELECT rowid FROM calls WHERE span_id = $span ORDER BY start_time DESC LIMIT 1)
