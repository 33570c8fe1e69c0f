-- Does every span in `facts` tell of a call of its own, as nearly all do? TRUE or FALSE; FALSE also where only calls.sql
-- can tell.
SELECT
    count(response_id) = count(DISTINCT response_id)
    AND NOT coalesce(bool_or(apart) AND bool_or(first_hand), FALSE)
    AND NOT coalesce(bool_or(dialect = 'vercel-6'), FALSE)
    AND NOT EXISTS (
        FROM facts AS below
        SEMI JOIN facts AS above ON above.trace_id = below.trace_id AND above.span_id = below.parent_span_id
    ) AS alone
FROM facts
