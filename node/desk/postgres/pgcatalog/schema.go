package pgcatalog

import (
	_ "embed" // the tables and types of Postgres
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// What a client is told of the server.
const (
	Database      = "weir"
	User          = "weir"
	ServerVersion = "15.18"
	Version       = "PostgreSQL " + ServerVersion + " (Weir desk: datasets are tables, figures are aggregates)"
)

//go:embed tables.txt
var tablesText string

//go:embed types.txt
var typesText string

// keywordsText are the words of the grammar by their category.
//
//go:embed keywords.txt
var keywordsText string

// keywordsView is pg_get_keywords(). It is read when it is asked for: a session is opened more often than that.
func keywordsView() string {
	descriptions := map[string]string{"U": "unreserved", "C": "unreserved (cannot be function or type name)", "T": "reserved (can be function or type name)", "R": "reserved"}
	var arms []string
	for line := range strings.Lines(keywordsText) {
		words := strings.Fields(line)
		arms = append(arms, fmt.Sprintf("SELECT value AS word, '%[1]s' AS catcode, '%[2]s' AS catdesc FROM json_each('[\"%[3]s\"]')", words[0], descriptions[words[0]], strings.Join(words[1:], `","`)))
	}
	return "CREATE VIEW pg_catalog.pg_get_keywords AS " + strings.Join(arms, " UNION ALL ") + ";"
}

// OIDs of types.
const (
	OIDBool        uint32 = 16
	OIDChar        uint32 = 18
	OIDName        uint32 = 19
	OIDInt8        uint32 = 20
	OIDInt2        uint32 = 21
	OIDInt4        uint32 = 23
	OIDText        uint32 = 25
	OIDOid         uint32 = 26
	OIDFloat4      uint32 = 700
	OIDFloat8      uint32 = 701
	OIDVarchar     uint32 = 1043
	OIDDate        uint32 = 1082
	OIDTimestamp   uint32 = 1114
	OIDTimestamptz uint32 = 1184
	OIDNumeric     uint32 = 1700
)

// schemas are the namespaces.
var schemas = []struct {
	oid  uint32
	name string
}{{11, "pg_catalog"}, {2200, "public"}, {13183, "information_schema"}}

// Names and OIDs of types and of the tables of the system; fixed once the first database is opened.
var (
	typeOIDs    = map[string]uint32{}
	typeNames   = map[uint32]string{}
	systemOIDs  = map[string]uint32{}
	systemNames = map[uint32]string{}
	// typeElements are the types of the elements of those types that are arrays.
	typeElements = map[uint32]uint32{}
)

// readTexts reads the embedded files, once.
var readTexts = sync.OnceFunc(func() {
	for _, line := range strings.Split(strings.TrimSpace(typesText), "\n")[1:] {
		f := strings.Split(line, " ")
		oid, _ := strconv.ParseUint(f[0], 10, 32) //nolint:errcheck // the file is ours, and a test reads it
		typeOIDs[f[1]], typeNames[uint32(oid)] = uint32(oid), f[1]
		if f[5] == "A" { // typcategory; name has elements too, and is none
			element, _ := strconv.ParseUint(f[6], 10, 32) //nolint:errcheck // likewise
			typeElements[uint32(oid)] = uint32(element)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(tablesText), "\n") {
		f := strings.Split(line, " ")
		oid, _ := strconv.ParseUint(f[1], 10, 32) //nolint:errcheck // likewise
		if name, ok := strings.CutPrefix(f[0], "pg_catalog."); ok {
			systemOIDs[name], systemNames[uint32(oid)] = uint32(oid), name
		}
	}
})

// declared is the type of a column as SQLite is told it: the first word is Postgres' type, what follows makes SQLite keep
// texts as texts.
func declared(udt string) string {
	switch udt {
	case "int2", "int4", "int8", "float8", "bool", "text", "varchar", "char", "bpchar":
		return udt
	case "oid", "xid":
		return udt + " int"
	case "float4":
		return "float4 real"
	case "numeric":
		return "numeric text COLLATE decimal"
	}
	return udt + " text"
}

// create makes the tables of the system, with what stands in them whatever the datasets are.
func (d *DB) create() error {
	var sql strings.Builder
	for _, s := range schemas {
		fmt.Fprintf(&sql, "ATTACH ':memory:' AS %s;", s.name)
	}
	for _, line := range strings.Split(strings.TrimSpace(tablesText), "\n") {
		f := strings.Split(line, " ")
		fmt.Fprintf(&sql, "CREATE TABLE %s (", f[0])
		for i, column := range f[2:] {
			name, udt, _ := strings.Cut(column, ":")
			if i > 0 {
				sql.WriteString(", ")
			}
			fmt.Fprintf(&sql, "%q %s", name, declared(udt))
		}
		sql.WriteString(");")
	}
	for _, s := range schemas {
		fmt.Fprintf(&sql, "INSERT INTO pg_namespace (oid, nspname, nspowner) VALUES (%d, '%s', 10);", s.oid, s.name)
		fmt.Fprintf(&sql, "INSERT INTO information_schema.schemata (catalog_name, schema_name, schema_owner) VALUES ('%s', '%s', '%s');", Database, s.name, User)
	}
	lines := strings.Split(strings.TrimSpace(typesText), "\n")
	columns := strings.Split(lines[0], " ")
	for _, line := range lines[1:] {
		values := strings.Split(line, " ")
		for i, v := range values {
			switch v {
			case "t":
				values[i] = "1"
			case "f":
				values[i] = "0"
			}
			if slices.Contains([]string{"typname", "typtype", "typcategory", "typdelim", "typinput", "typoutput", "typsend", "typreceive", "typalign", "typstorage"}, columns[i]) {
				values[i] = quoteText(v)
			}
		}
		collation := "0"
		if slices.Contains([]string{"25", "19", "1043", "1042"}, values[0]) {
			collation = "100"
		}
		fmt.Fprintf(&sql, "INSERT INTO pg_type (%s, typnamespace, typowner, typndims, typcollation) VALUES (%s, 11, 10, 0, %s);", strings.Join(columns, ", "), strings.Join(values, ", "), collation)
	}
	for _, name := range slices.Sorted(maps.Keys(systemOIDs)) {
		fmt.Fprintf(&sql, "INSERT INTO pg_class (oid, relname, relnamespace, relowner, relam, relkind, relpersistence, relhasindex, relhasrules, relhastriggers, relhassubclass, relrowsecurity, relforcerowsecurity, relispopulated, relispartition, relreplident, relchecks, reltuples, relpages, reltoastrelid, reloftype, reltablespace) "+
			"VALUES (%d, '%s', 11, 10, 2, 'r', 'p', 0, 0, 0, 0, 0, 0, 1, 0, 'n', 0, 0, 0, 0, 0, 0);", systemOIDs[name], name)
	}
	fmt.Fprintf(&sql, `
INSERT INTO pg_am (oid, amname, amhandler, amtype) VALUES (2, 'heap', 'heap_tableam_handler', 't');
INSERT INTO pg_database (oid, datname, datdba, encoding, datlocprovider, datistemplate, datallowconn, datconnlimit, dattablespace, datcollate, datctype) VALUES (5, '%[1]s', 10, 6, 'c', 0, 1, -1, 1663, 'C.UTF-8', 'C.UTF-8');
INSERT INTO pg_tablespace (oid, spcname, spcowner) VALUES (1663, 'pg_default', 10);
INSERT INTO pg_collation (oid, collname, collnamespace, collowner, collprovider, collisdeterministic, collencoding) VALUES (100, 'default', 11, 10, 'd', 1, -1), (950, 'C', 11, 10, 'c', 1, -1);
INSERT INTO pg_roles (oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolbypassrls) VALUES (10, '%[2]s', 0, 1, 0, 0, 1, 0, -1, 0);
INSERT INTO pg_authid (oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolbypassrls) VALUES (10, '%[2]s', 0, 1, 0, 0, 1, 0, -1, 0);
INSERT INTO pg_user (usename, usesysid, usecreatedb, usesuper, userepl, usebypassrls) VALUES ('%[2]s', 10, 0, 0, 0, 0);
INSERT INTO pg_language (oid, lanname, lanowner, lanispl, lanpltrusted) VALUES (14, 'sql', 10, 0, 1);
INSERT INTO information_schema.information_schema_catalog_name VALUES ('%[1]s');
%[3]s
CREATE TABLE pg_catalog.pg_stat_wal_receiver (pid int4);
CREATE TABLE main.pg_timezone_abbrevs (abbrev text, utc_offset text, is_dst bool);
`, Database, User, keywordsView())
	return d.conn.Exec(sql.String())
}

// oidOf is the OID of a dataset: the same at every start, and no other's.
func (d *DB) oidOf(id string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id)) //nolint:errcheck,gosec // it never fails
	oid := 16384 + h.Sum32()%(1<<30)
	for d.byOID[oid] != nil && d.byOID[oid].ID != id {
		oid++
	}
	return oid
}

// list writes the datasets into the tables of the system, in place of those that stand there.
func (d *DB) list(tables []*Table) error {
	var sql strings.Builder
	for _, t := range d.tables {
		fmt.Fprintf(&sql, "DROP VIEW IF EXISTS public.%s; DROP TABLE IF EXISTS public.%s; DROP TABLE IF EXISTS public.%s;", ident(t.ID), ident(EntitiesOf(t.ID)), ident(PeriodsOf(t.ID)))
	}
	sql.WriteString(`DELETE FROM pg_class WHERE relnamespace = 2200; DELETE FROM pg_attribute; DELETE FROM pg_description; DELETE FROM pg_tables; DELETE FROM pg_stat_user_tables;
DELETE FROM information_schema.tables; DELETE FROM information_schema.columns; DELETE FROM pg_settings;`)
	d.tables, d.byOID = tables, map[uint32]*Table{}
	for _, t := range tables {
		t.OID = d.oidOf(t.ID)
		d.byOID[t.OID] = t
		d.listOne(&sql, t)
	}
	if d.Settings != nil {
		all := d.Settings()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&sql, "INSERT INTO pg_settings (name, setting, category, vartype, context, source) VALUES (%s, %s, 'Weir', 'string', 'user', 'session');", quoteText(name), quoteText(all[name]))
		}
	}
	return d.conn.Exec(sql.String())
}

func (d *DB) listOne(sql *strings.Builder, t *Table) {
	id := quoteText(t.ID)
	fmt.Fprintf(sql, "INSERT INTO pg_class (oid, relname, relnamespace, reltype, relowner, relam, relkind, relnatts, relpersistence, relhasindex, relhasrules, relhastriggers, relhassubclass, relrowsecurity, relforcerowsecurity, relispopulated, relispartition, relreplident, relchecks, reltuples, relpages, reltoastrelid, reloftype, reltablespace, relisshared, relacl) "+
		"VALUES (%d, %s, 2200, 0, 10, 2, 'r', %d, 'p', 0, 0, 0, 0, 0, 0, 1, 0, 'd', 0, %d, 1, 0, 0, 0, 0, '{%[5]s=r/%[5]s}');", t.OID, id, len(t.Columns), t.Rows, User)
	fmt.Fprintf(sql, "INSERT INTO pg_tables (schemaname, tablename, tableowner, hasindexes, hasrules, hastriggers, rowsecurity) VALUES ('public', %s, '%s', 0, 0, 0, 0);", id, User)
	fmt.Fprintf(sql, "INSERT INTO pg_stat_user_tables (relid, schemaname, relname, n_live_tup) VALUES (%d, 'public', %s, %d);", t.OID, id, t.Rows)
	fmt.Fprintf(sql, "INSERT INTO information_schema.tables (table_catalog, table_schema, table_name, table_type, is_insertable_into, is_typed) VALUES ('%s', 'public', %s, 'BASE TABLE', 'NO', 'NO');", Database, id)
	comment := func(number int, text string) {
		if text != "" {
			fmt.Fprintf(sql, "INSERT INTO pg_description (objoid, classoid, objsubid, description) VALUES (%d, 1259, %d, %s);", t.OID, number, quoteText(text))
		}
	}
	comment(0, t.Comment)
	var entities []string
	var selected []string
	for i, c := range t.Columns {
		udt := typeNames[c.Type]
		fmt.Fprintf(sql, "INSERT INTO pg_attribute (attrelid, attname, atttypid, attstattarget, attlen, attnum, attndims, atttypmod, attbyval, attalign, attstorage, attcompression, attnotnull, atthasdef, atthasmissing, attidentity, attgenerated, attisdropped, attislocal, attinhcount, attcollation) "+
			"VALUES (%d, %s, %d, -1, -1, %d, 0, -1, 0, 'i', 'x', '', %d, 0, 0, '', '', 0, 1, 0, %d);", t.OID, quoteText(c.Name), c.Type, i+1, number(c.Kind != MeasureColumn), 100*number(c.Type == OIDText))
		fmt.Fprintf(sql, "INSERT INTO information_schema.columns (table_catalog, table_schema, table_name, column_name, ordinal_position, is_nullable, data_type, udt_catalog, udt_schema, udt_name, dtd_identifier, is_identity, is_generated, is_updatable) "+
			"VALUES ('%[1]s', 'public', %[2]s, %[3]s, %[4]d, '%[5]s', %[6]s, '%[1]s', 'pg_catalog', '%[7]s', '%[4]d', 'NO', 'NEVER', 'NO');",
			Database, id, quoteText(c.Name), i+1, map[bool]string{true: "YES", false: "NO"}[c.Kind == MeasureColumn], quoteText(d.typeWord(c.Type)), udt)
		comment(i+1, c.Comment)
		if c.Kind == PeriodColumn {
			fmt.Fprintf(sql, "CREATE TABLE public.%s (%s %s);", ident(PeriodsOf(t.ID)), ident(c.Name), declared(udt))
			selected = append(selected, "p."+ident(c.Name)+" AS "+ident(c.Name))
			continue
		}
		entities = append(entities, ident(c.Name)+" "+declared(udt))
		selected = append(selected, "e."+ident(c.Name)+" AS "+ident(c.Name))
	}
	fmt.Fprintf(sql, "CREATE TABLE public.%s (%s);", ident(EntitiesOf(t.ID)), strings.Join(entities, ", "))
	fmt.Fprintf(sql, "CREATE VIEW public.%s AS SELECT %s FROM %s e CROSS JOIN %s p;", ident(t.ID), strings.Join(selected, ", "), ident(EntitiesOf(t.ID)), ident(PeriodsOf(t.ID)))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

func ident(name string) string { return token.Token{Kind: token.Quoted, Text: name}.SQL() }

// EntitiesOf is the table of a dataset's entities alone, PeriodsOf that of its periods: what is asked of the one does not
// go through all pairs of both.
func EntitiesOf(id string) string { return id + " entities" }

// PeriodsOf is the table of a dataset's periods alone.
func PeriodsOf(id string) string { return id + " periods" }
