package pgcatalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
)

// argument and answer are what a function of SQL has to do with.
type (
	argument = sqlite3.Value
	function = func(ctx sqlite3.Context, arg ...argument)
)

func null(v argument) bool { return v.Type() == sqlite3.NULL }

func constant(value any) function {
	return func(ctx sqlite3.Context, _ ...argument) { answer(ctx, value) }
}

func answer(ctx sqlite3.Context, value any) {
	switch v := value.(type) {
	case nil:
		ctx.ResultNull()
	case error:
		ctx.ResultError(v)
	case string:
		ctx.ResultText(v)
	case int:
		ctx.ResultInt(v)
	case int64:
		ctx.ResultInt64(v)
	case float64:
		ctx.ResultFloat(v)
	case bool:
		ctx.ResultBool(v)
	}
}

// ofText is a function of texts; NULL of any makes NULL.
func ofText(do func(...string) any) function {
	return func(ctx sqlite3.Context, arg ...argument) {
		texts := make([]string, len(arg))
		for i, a := range arg {
			if null(a) {
				ctx.ResultNull()
				return
			}
			texts[i] = a.Text()
		}
		answer(ctx, do(texts...))
	}
}

// errRows is what a function ends with that is known for queries without rows alone.
var errRows = errors.New("this function of Postgres is not there")

func missing(ctx sqlite3.Context, _ ...argument) { ctx.ResultError(errRows) }

// functions are those of Postgres that clients call.
func (d *DB) functions() map[string]function {
	always, never, nothing, empty, zero := constant(true), constant(false), constant(nil), constant(""), constant(0)
	all := map[string]function{
		"version": constant(Version), "current_database": constant(Database), "current_catalog": constant(Database), "current_schema": constant("public"),
		"current_schemas": constant("{pg_catalog,public}"), "pg_backend_pid": constant(int(d.pid)), "pg_is_in_recovery": never, "txid_current": constant(1),
		"inet_server_addr": constant("127.0.0.1"), "inet_client_addr": constant("127.0.0.1"), "pg_postmaster_start_time": d.now, "now": d.now,
		"clock_timestamp": d.now, "localtimestamp": d.now, "pg_my_temp_schema": zero, "pg_is_other_temp_schema": never, "pg_export_snapshot": constant("00000000-1"),
		"pg_encoding_to_char": constant("UTF8"), "getdatabaseencoding": constant("UTF8"), "pg_client_encoding": constant("UTF8"), "pg_get_userbyid": constant(User),
		"pg_get_expr": nothing, "pg_get_indexdef": nothing, "pg_get_constraintdef": nothing, "pg_get_viewdef": nothing, "pg_get_triggerdef": nothing,
		"pg_get_partkeydef": nothing, "pg_get_function_result": nothing, "pg_get_function_arguments": nothing, "pg_get_function_identity_arguments": nothing,
		"pg_get_functiondef": nothing, "pg_get_serial_sequence": nothing, "pg_get_statisticsobjdef_columns": nothing, "pg_get_ruledef": nothing,
		"pg_get_partition_constraintdef": nothing, "shobj_description": nothing, "pg_tablespace_location": empty, "pg_relation_is_publishable": never,
		"pg_relation_size": zero, "pg_table_size": zero, "pg_total_relation_size": zero, "pg_indexes_size": zero, "pg_database_size": zero,
		"pg_stat_get_numscans": zero, "pg_size_pretty": constant("0 bytes"), "row_security_active": never, "pg_char_to_encoding": constant(6),
		"unnest": missing, "generate_subscripts": missing, "_pg_expandarray": missing, "aclexplode": missing, "generate_series": missing, "pg_listening_channels": missing,
		"array_upper": ofText(arrayLength), "array_length": ofText(arrayLength), "cardinality": ofText(arrayLength), "array_lower": ofText(func(...string) any { return 1 }),
		"pg_series": ofText(series), "string_to_array": ofText(func(s ...string) any { return arrayText(strings.Split(s[0], s[1])) }),
		"parse_ident": ofText(func(s ...string) any { return arrayText(strings.Split(s[0], ".")) }), "format": format,
		"array_position": nothing, "acldefault": nothing, "to_json": ofText(func(s ...string) any { return s[0] }),
		"_pg_truetypid": nothing, "_pg_char_max_length": nothing, "pg_column_is_updatable": never, "pg_relation_is_updatable": zero, "pg_get_publication_tables": nothing,
		"json_build_object": nothing, "pg_sequence_last_value": nothing, "pg_sequence_parameters": nothing, "pg_get_function_sqlbody": nothing,
		"regexp": d.matches, "format_type": d.formatType, "obj_description": d.description, "col_description": d.description, "set_config": d.setConfig, "current_setting": d.setting,
		"to_regclass": d.regclass, "pg_regclass": d.regclass, "pg_regtype": d.regtype, "to_regtype": d.regtype, "pg_regproc": passed, "pg_regrole": passed, "pg_regnamespace": d.regnamespace,
		"pg_oid": d.oid, "pg_int": toInteger, "pg_bool": toBool, "pg_date": ofText(func(s ...string) any { return s[0][:min(len(s[0]), 10)] }),
		"pg_array": arrayOf, "pg_array_json": ofText(arrayJSON), "pg_subscript": ofText(subscript),
		"array_to_string": func(ctx sqlite3.Context, arg ...argument) {
			if len(arg) > 2 && null(arg[2]) {
				arg = arg[:2]
			}
			ofText(arrayToString)(ctx, arg...)
		},
		"quote_ident":   ofText(func(s ...string) any { return quoteName(s[0]) }),
		"quote_literal": ofText(func(s ...string) any { return quoteText(s[0]) }),
		"pg_left":       ofText(func(s ...string) any { return left(s[0], s[1]) }),
		"pg_right":      ofText(func(s ...string) any { return right(s[0], s[1]) }),
		"pg_substring":  ofText(substring),
		"pg_replace":    ofText(func(s ...string) any { return strings.ReplaceAll(s[0], s[1], s[2]) }),
		"pg_position": ofText(func(s ...string) any {
			if at := strings.Index(s[1], s[0]); at >= 0 {
				return utf8.RuneCountInString(s[1][:at]) + 1
			}
			return 0
		}),
		"split_part": ofText(splitPart), "btrim": ofText(func(s ...string) any { return strings.TrimSpace(s[0]) }), "md5": nothing,
		"regexp_replace": d.replace, "date_trunc": ofText(dateTrunc), "date_part": ofText(datePart), "to_char": nothing,
	}
	for _, name := range []string{"pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible", "pg_opclass_is_visible", "pg_collation_is_visible",
		"pg_conversion_is_visible", "pg_statistics_obj_is_visible", "pg_ts_config_is_visible"} {
		all[name] = always
	}
	for _, name := range []string{"current_user", "session_user", "current_role", "user"} {
		all[name] = constant(User)
	}
	for _, name := range []string{"has_table_privilege", "has_any_column_privilege", "has_column_privilege", "has_schema_privilege", "has_database_privilege", "has_function_privilege", "pg_has_role", "has_sequence_privilege", "has_tablespace_privilege"} {
		all[name] = d.privilege
	}
	return all
}

// register makes the functions known to SQLite.
func (d *DB) register() error {
	for name, do := range d.functions() {
		arguments := -1
		if name == "regexp" { // SQLite has one of two arguments, which would be taken first
			arguments = 2
		}
		if err := d.conn.CreateFunction(name, arguments, sqlite3.INNOCUOUS, guarded(name, do)); err != nil {
			return fmt.Errorf("make function %s: %w", name, err)
		}
	}
	for _, name := range []string{"array_agg"} {
		err := d.conn.CreateAggregateFunction(name, 1, sqlite3.INNOCUOUS, func(ctx *sqlite3.Context, rows iter.Seq[[]sqlite3.Value]) {
			var parts []string
			for arg := range rows {
				parts = append(parts, arrayPart(arg[0]))
			}
			ctx.ResultText("{" + strings.Join(parts, ",") + "}")
		})
		if err != nil {
			return fmt.Errorf("make function %s: %w", name, err)
		}
	}
	if err := d.conn.CreateCollation("decimal", compareDecimals); err != nil {
		return fmt.Errorf("make the order of decimals: %w", err)
	}
	return nil
}

// guarded ends the query, and not the program, where a function is called with fewer arguments than it reads: SQLite is told
// that each takes any number.
func guarded(name string, do function) function {
	return func(ctx sqlite3.Context, arg ...argument) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case runtime.Error:
				ctx.ResultError(fmt.Errorf("%s does not take %d arguments such as these", name, len(arg)))
			default:
				panic(p)
			}
		}()
		do(ctx, arg...)
	}
}

func passed(ctx sqlite3.Context, arg ...argument) { ctx.ResultValue(arg[0]) }

func toInteger(ctx sqlite3.Context, arg ...argument) {
	if null(arg[0]) {
		ctx.ResultNull()
		return
	}
	ctx.ResultInt64(arg[0].Int64())
}

func toBool(ctx sqlite3.Context, arg ...argument) {
	if null(arg[0]) {
		ctx.ResultNull()
		return
	}
	switch strings.ToLower(arg[0].Text()) {
	case "t", "true", "1", "yes", "on":
		ctx.ResultBool(true)
	default:
		ctx.ResultBool(false)
	}
}

// arrayPart is an element as it stands in the text of an array.
func arrayPart(v argument) string {
	if null(v) {
		return "NULL"
	}
	return quotedElement(v.Text())
}

func arrayOf(ctx sqlite3.Context, arg ...argument) {
	parts := make([]string, len(arg))
	for i, a := range arg {
		parts[i] = arrayPart(a)
	}
	ctx.ResultText("{" + strings.Join(parts, ",") + "}")
}

// arrayJSON is an array for json_each. Numbers stay numbers, so that they equal columns of numbers.
func arrayJSON(s ...string) any {
	parts, err := elements(s[0])
	if err != nil {
		return err
	}
	values := make([]any, len(parts))
	for i, p := range parts {
		if p == nil {
			continue
		}
		values[i] = *p
		if n, err := strconv.ParseInt(*p, 10, 64); err == nil {
			values[i] = n
		}
	}
	b, err := json.Marshal(values)
	if err != nil {
		return "[]"
	}
	return string(b)
}

// arrayToString joins the elements of an array by a text. Those that are NULL are left out, or written as a third text.
func arrayToString(s ...string) any {
	parts, err := elements(s[0])
	if err != nil {
		return err
	}
	var texts []string
	for _, p := range parts {
		switch {
		case p != nil:
			texts = append(texts, *p)
		case len(s) > 2:
			texts = append(texts, s[2])
		}
	}
	return strings.Join(texts, s[1])
}

// arrayText is an array of texts.
func arrayText(parts []string) string {
	out := make([]string, len(parts))
	for i, s := range parts {
		out[i] = quotedElement(s)
	}
	return "{" + strings.Join(out, ",") + "}"
}

func arrayLength(s ...string) any {
	parts, err := elements(s[0])
	switch {
	case err != nil:
		return err
	case len(parts) > 0:
		return len(parts)
	}
	return nil
}

// maxSeries is the most numbers of generate_series.
const maxSeries = 10_000

func series(s ...string) any {
	from, errFrom := strconv.Atoi(s[0])
	to, errTo := strconv.Atoi(s[1])
	if errFrom != nil || errTo != nil {
		return "[]"
	}
	values := []int{}
	for n := from; n <= to && len(values) < maxSeries; n++ {
		values = append(values, n)
	}
	b, err := json.Marshal(values)
	if err != nil {
		return "[]"
	}
	return string(b)
}

// format is Postgres' format(): %s, %I and %L.
func format(ctx sqlite3.Context, arg ...argument) {
	if len(arg) == 0 || null(arg[0]) {
		ctx.ResultNull()
		return
	}
	var b strings.Builder
	rest, next := arg[0].Text(), 1
	for {
		at := strings.IndexByte(rest, '%')
		if at < 0 || at+1 == len(rest) {
			b.WriteString(rest)
			ctx.ResultText(b.String())
			return
		}
		b.WriteString(rest[:at])
		text := ""
		if next < len(arg) && rest[at+1] != '%' {
			text = arg[next].Text()
			next++
		}
		switch rest[at+1] {
		case '%':
			b.WriteByte('%')
		case 'I':
			b.WriteString(quoteName(text))
		case 'L':
			b.WriteString(quoteText(text))
		default:
			b.WriteString(text)
		}
		rest = rest[at+2:]
	}
}

func subscript(s ...string) any {
	parts, err := elements(s[0])
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(s[1]); err == nil && n >= 1 && n <= len(parts) && parts[n-1] != nil {
		return *parts[n-1]
	}
	return nil
}

// plainName is a name that needs no quotes.
var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z_][a-z0-9_]*$`) })

func quoteName(s string) string {
	if plainName().MatchString(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func left(s, n string) string {
	r := []rune(s)
	k, _ := strconv.Atoi(n) //nolint:errcheck // no number is 0
	if k < 0 {
		k += len(r)
	}
	return string(r[:min(max(k, 0), len(r))])
}

func right(s, n string) string {
	r := []rune(s)
	k, _ := strconv.Atoi(n) //nolint:errcheck // likewise
	return string(r[len(r)-min(max(k, 0), len(r)):])
}

// substring is the part of a text from a place on, of so many characters; without their number, to its end.
func substring(s ...string) any {
	r := []rune(s[0])
	from, err := strconv.Atoi(s[1])
	if err != nil {
		return nil // a pattern
	}
	to := len(r) + 1
	if len(s) > 2 {
		length, err := strconv.Atoi(s[2])
		if err != nil || length < 0 {
			return nil
		}
		if from <= len(r) {
			to = from + min(length, len(r)+1-from)
		}
	}
	from, to = max(from, 1), min(to, len(r)+1)
	if from >= to {
		return ""
	}
	return string(r[from-1 : to-1])
}

func splitPart(s ...string) any {
	parts := strings.Split(s[0], s[1])
	if n, err := strconv.Atoi(s[2]); err == nil && n >= 1 && n <= len(parts) {
		return parts[n-1]
	}
	return ""
}

// moments are the forms of the times that columns of periods have.
var moments = []string{"2006-01-02 15:04:05", time.DateOnly, "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05"}

func parseTime(s string) (time.Time, bool) {
	for _, form := range moments {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func dateTrunc(s ...string) any {
	t, ok := parseTime(s[1])
	if !ok {
		return nil
	}
	y, m, d := t.Date()
	h, mi := t.Hour(), t.Minute()
	switch strings.ToLower(s[0]) {
	case "year":
		m, d, h, mi = 1, 1, 0, 0
	case "quarter":
		m, d, h, mi = (m-1)/3*3+1, 1, 0, 0
	case "month":
		d, h, mi = 1, 0, 0
	case "week":
		d, h, mi = d-(int(t.Weekday())+6)%7, 0, 0
	case "day":
		h, mi = 0, 0
	case "hour":
		mi = 0
	case "minute":
	default:
		return nil
	}
	return time.Date(y, m, d, h, mi, 0, 0, time.UTC).Format("2006-01-02 15:04:05")
}

func datePart(s ...string) any {
	t, ok := parseTime(s[1])
	if !ok {
		return nil
	}
	switch strings.ToLower(s[0]) {
	case "year":
		return t.Year()
	case "quarter":
		return (int(t.Month()) + 2) / 3
	case "month":
		return int(t.Month())
	case "day":
		return t.Day()
	case "hour":
		return t.Hour()
	case "minute":
		return t.Minute()
	case "dow":
		return int(t.Weekday())
	case "isodow":
		return (int(t.Weekday())+6)%7 + 1
	case "doy":
		return t.YearDay()
	case "week":
		_, w := t.ISOWeek()
		return w
	case "epoch":
		return t.Unix()
	}
	return nil
}
