-- Which services made calls, whenever that was? service_name, by name.
SELECT DISTINCT service_name
FROM calls
WHERE operation = 'chat' AND service_name IS NOT NULL
ORDER BY service_name
