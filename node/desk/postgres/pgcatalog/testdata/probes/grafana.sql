-- Written from memory of the source of Grafana 11 (packages/grafana-sql, plugin postgres): the query builder's lists.
-- ==
-- rows: 1
SELECT quote_ident(table_name) as "table" FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ( 'information_schema', 'pg_catalog', '_timescaledb_cache', '_timescaledb_catalog', '_timescaledb_internal', '_timescaledb_config', 'timescaledb_information', 'timescaledb_experimental' ) AND quote_ident(table_schema) IN ( SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series( array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1) ) as i, string_to_array(current_setting('search_path'),',') s )
-- ==
-- rows: 5
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE CASE WHEN array_length(parse_ident('works'), 1) = 2 THEN quote_ident(table_schema) = (parse_ident('works'))[1] AND quote_ident(table_name) = (parse_ident('works'))[2] ELSE quote_ident(table_name) = 'works' AND quote_ident(table_schema) IN ( SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END FROM generate_series( array_lower(string_to_array(current_setting('search_path'),','),1), array_upper(string_to_array(current_setting('search_path'),','),1) ) as i, string_to_array(current_setting('search_path'),',') s ) END
-- ==
SELECT current_setting('server_version_num')::int/100
-- ==
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'
