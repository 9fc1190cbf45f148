// Package pgcatalog answers what Postgres' clients ask pg_catalog and information_schema, and queries on the public
// columns of datasets, from a database of SQLite in memory.
//
// The columns of the tables (tables.txt) and the types with their OIDs (types.txt) are those of PostgreSQL 15, read from
// one. Most tables are empty: there are no indexes, constraints, triggers or functions of one's own. A probe that cannot
// be brought to what SQLite reads is an error ([Unknown]); whoever calls logs it as the next fixture.
//
// A dataset is a view of its entities × its periods. Its measures are NULL there: single readings are never released.
//
// SQLite is ncruces/go-sqlite3, the C program translated to Go: it does nothing when the program starts. modernc.org/sqlite
// took 2.6 ms of every start of weir, whatever the command (GODEBUG=inittrace=1, the least of thirty).
package pgcatalog
