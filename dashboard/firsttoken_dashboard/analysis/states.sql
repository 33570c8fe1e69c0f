-- What did the user do about findings? One row per finding that is not simply open: id, state, since, snoozed until,
-- why it was dismissed.
SELECT id, state, state_since::TIMESTAMP AS since, snoozed_until::TIMESTAMP AS until, dismissed_because
FROM recommendations
WHERE state <> 'open'
