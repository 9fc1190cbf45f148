-- Written from memory of the source of pgx v5: pgxpool's ping, LoadType, and stdlib.
-- ==
-- ping
-- ==
select oid, typtype, typbasetype from pg_type where oid = 'numeric'::text::regtype::oid
-- ==
select t.typtype::text, t.typbasetype from pg_type t left join pg_class c on c.reltype = t.oid where t.oid = 1700
-- ==
select attname, atttypid from pg_attribute where attrelid = {oid} and not attisdropped and attnum > 0 order by attnum
