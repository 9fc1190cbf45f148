package pgcatalog

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ncruces/go-sqlite3"
)

// compareDecimals orders texts that are decimals by value; others come after them, as texts.
func compareDecimals(a, b []byte) int {
	x, okX := new(big.Rat).SetString(bounded(a))
	y, okY := new(big.Rat).SetString(bounded(b))
	switch {
	case okX && okY:
		return x.Cmp(y)
	case okX:
		return -1
	case okY:
		return 1
	}
	return strings.Compare(string(a), string(b))
}

// bounded is a text that may be a decimal: an exponent could make it one of a billion digits.
func bounded(b []byte) string {
	if len(b) > 200 || strings.ContainsAny(string(b), "eEpP/") {
		return ""
	}
	return string(b)
}

func (d *DB) now(ctx sqlite3.Context, _ ...argument) {
	ctx.ResultText(d.clock().UTC().Format("2006-01-02 15:04:05.999999+00"))
}

// pattern compiles a regular expression of Postgres, which is nearly one of RE2's.
func (d *DB) pattern(text string) (*regexp.Regexp, error) {
	if p := d.patterns[text]; p != nil {
		return p, nil
	}
	p, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	if len(d.patterns) >= 256 {
		clear(d.patterns)
	}
	d.patterns[text] = p
	return p, nil
}

func (d *DB) matches(ctx sqlite3.Context, arg ...argument) {
	if len(arg) != 2 || null(arg[0]) || null(arg[1]) {
		ctx.ResultNull()
		return
	}
	p, err := d.pattern(arg[0].Text())
	if err != nil {
		ctx.ResultError(err)
		return
	}
	ctx.ResultBool(p.MatchString(arg[1].Text()))
}

// groups are the references to what a pattern has in parentheses.
var groups = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\(\d)`) })

func (d *DB) replace(ctx sqlite3.Context, arg ...argument) {
	if len(arg) < 3 || null(arg[0]) || null(arg[1]) || null(arg[2]) {
		ctx.ResultNull()
		return
	}
	p, err := d.pattern(arg[1].Text())
	if err != nil {
		ctx.ResultError(err)
		return
	}
	with := groups().ReplaceAllString(strings.ReplaceAll(arg[2].Text(), "$", "$$"), "$${$1}")
	ctx.ResultText(p.ReplaceAllString(arg[0].Text(), with))
}

// typeWords are the names that format_type has for types.
var typeWords = sync.OnceValue(func() map[string]string {
	return map[string]string{
		"bool": "boolean", "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double precision", "varchar": "character varying",
		"bpchar": "character", "timestamp": "timestamp without time zone", "timestamptz": "timestamp with time zone", "time": "time without time zone", "char": `"char"`,
	}
})

func (d *DB) typeWord(oid uint32) string {
	name := typeNames[oid]
	element, array := strings.CutPrefix(name, "_")
	if word := typeWords()[element]; word != "" {
		element = word
	}
	if array {
		element += "[]"
	}
	return element
}

func (d *DB) formatType(ctx sqlite3.Context, arg ...argument) {
	if len(arg) == 0 || null(arg[0]) {
		ctx.ResultNull()
		return
	}
	word := d.typeWord(uint32(arg[0].Int64()))
	if word == "" {
		word = "???"
	}
	ctx.ResultText(word)
}

func (d *DB) description(ctx sqlite3.Context, arg ...argument) {
	number := 0
	if len(arg) > 1 && arg[1].Type() == sqlite3.INTEGER {
		number = arg[1].Int()
	}
	t := d.byOID[uint32(arg[0].Int64())]
	text := ""
	switch {
	case t == nil:
	case number == 0:
		text = t.Comment
	case number <= len(t.Columns):
		text = t.Columns[number-1].Comment
	}
	if text == "" {
		ctx.ResultNull()
		return
	}
	ctx.ResultText(text)
}

func (d *DB) setConfig(ctx sqlite3.Context, arg ...argument) {
	if len(arg) < 2 || null(arg[0]) || null(arg[1]) {
		ctx.ResultNull()
		return
	}
	if d.Set != nil {
		local := len(arg) > 2 && arg[2].Bool()
		if err := d.Set(arg[0].Text(), arg[1].Text(), local); err != nil {
			ctx.ResultError(err)
			return
		}
	}
	ctx.ResultText(arg[1].Text())
}

func (d *DB) setting(ctx sqlite3.Context, arg ...argument) {
	if d.Setting != nil && len(arg) > 0 {
		if value, ok := d.Setting(arg[0].Text()); ok {
			ctx.ResultText(value)
			return
		}
	}
	ctx.ResultNull()
}

// privilege tells that everything may be read, and nothing made or changed: Metabase offers to write where it may. Of several
// privileges one is enough, as in Postgres.
func (d *DB) privilege(ctx sqlite3.Context, arg ...argument) {
	what := ""
	if len(arg) > 0 {
		what = strings.ToUpper(arg[len(arg)-1].Text())
	}
	ctx.ResultBool(slices.ContainsFunc(strings.Split(what, ","), func(one string) bool {
		return slices.Contains([]string{"SELECT", "USAGE", "EXECUTE", "CONNECT", "MEMBER"}, strings.TrimSpace(one))
	}))
}

// relation is the table or view of a name, with or without its schema; 0: there is none.
func (d *DB) relation(name string) uint32 {
	name = strings.TrimSpace(name)
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n)
	}
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if q, ok := strings.CutPrefix(p, `"`); ok {
			parts[i] = strings.ReplaceAll(strings.TrimSuffix(q, `"`), `""`, `"`)
		}
	}
	last := parts[len(parts)-1]
	if len(parts) == 1 || parts[0] != "pg_catalog" {
		for _, t := range d.tables {
			if t.ID == last {
				return t.OID
			}
		}
	}
	return systemOIDs[last]
}

// regclass converts a text to the OID of a relation, and an OID to its name. Postgres knows by the type which of both is
// shown; here a text becomes a number, and a number a text.
func (d *DB) regclass(ctx sqlite3.Context, arg ...argument) {
	switch {
	case null(arg[0]):
		ctx.ResultNull()
	case arg[0].Type() == sqlite3.TEXT:
		if oid := d.relation(arg[0].Text()); oid != 0 {
			ctx.ResultInt64(int64(oid))
			return
		}
		ctx.ResultNull()
	default:
		oid := uint32(arg[0].Int64())
		if t := d.byOID[oid]; t != nil {
			ctx.ResultText(quoteName(t.ID))
			return
		}
		if name := systemNames[oid]; name != "" {
			ctx.ResultText(name)
			return
		}
		ctx.ResultText(strconv.FormatInt(int64(oid), 10))
	}
}

func (d *DB) regtype(ctx sqlite3.Context, arg ...argument) {
	switch {
	case null(arg[0]):
		ctx.ResultNull()
	case arg[0].Type() == sqlite3.TEXT:
		name := strings.ToLower(strings.TrimPrefix(arg[0].Text(), "pg_catalog."))
		if n, err := strconv.ParseInt(name, 10, 64); err == nil {
			ctx.ResultInt64(n)
			return
		}
		if element, array := strings.CutSuffix(name, "[]"); array {
			name = "_" + element
		}
		for short, word := range typeWords() {
			if word == name {
				name = short
			}
		}
		if oid, known := typeOIDs[name]; known {
			ctx.ResultInt64(int64(oid))
			return
		}
		ctx.ResultNull()
	case arg[0].Int64() == 0:
		ctx.ResultText("-")
	default:
		ctx.ResultText(d.typeWord(uint32(arg[0].Int64())))
	}
}

func (d *DB) regnamespace(ctx sqlite3.Context, arg ...argument) {
	if null(arg[0]) {
		ctx.ResultNull()
		return
	}
	for _, s := range schemas {
		switch {
		case arg[0].Type() == sqlite3.TEXT && arg[0].Text() == s.name:
			ctx.ResultInt64(int64(s.oid))
			return
		case arg[0].Type() == sqlite3.INTEGER && arg[0].Int64() == int64(s.oid):
			ctx.ResultText(s.name)
			return
		}
	}
	ctx.ResultNull()
}

// oid converts what was a name back to an OID.
func (d *DB) oid(ctx sqlite3.Context, arg ...argument) {
	if null(arg[0]) || arg[0].Type() == sqlite3.INTEGER {
		ctx.ResultValue(arg[0])
		return
	}
	if oid := d.relation(arg[0].Text()); oid != 0 {
		ctx.ResultInt64(int64(oid))
		return
	}
	ctx.ResultNull()
}
