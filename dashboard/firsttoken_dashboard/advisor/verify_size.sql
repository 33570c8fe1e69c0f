-- How many calls did the places of one file (or one place without a source line) make? One number.
SELECT COUNT(*) AS n
FROM located
INNER JOIN places ON located.place = places.place
WHERE
    service IS NOT DISTINCT FROM $site_service
    AND file IS NOT DISTINCT FROM $file
    AND parent IS NOT DISTINCT FROM $parent
    AND prompt IS NOT DISTINCT FROM $prompt
