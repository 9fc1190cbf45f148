-- Recorded: psycopg 3.1.7 against PostgreSQL 15.18: TypeInfo.fetch (its parameter put in).
-- ==
SELECT
    typname AS name, oid, typarray AS array_oid,
    oid::regtype::text AS regtype, typdelim AS delimiter
FROM pg_type t
WHERE t.oid = 'numeric'::regtype
ORDER BY t.oid
-- ==
select 1
