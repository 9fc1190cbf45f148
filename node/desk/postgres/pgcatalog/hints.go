package pgcatalog

import (
	"strings"
	"sync"

	"github.com/weirdata/weir/node/desk/postgres/token"
)

// hintsOf are the types of the elements of SELECT that their text tells: of a cast, a comparison, a call. 0: not known.
func hintsOf(list []token.Token, columns int) []uint32 {
	out := make([]uint32, columns)
	if len(list) == 0 || !list[0].Is("SELECT") {
		return out
	}
	end, depth := len(list), 0
	for i, t := range list {
		if depth += token.Depth(t); depth == 0 && t.Is("FROM", "UNION", "ORDER", "LIMIT") {
			end = i
			break
		}
	}
	items := list[1:end]
	if len(items) > 0 && items[0].Is("DISTINCT") {
		items = items[1:]
	}
	split := token.Split(items, ",")
	if len(split) != columns {
		return out
	}
	for i, item := range split {
		out[i] = hintOf(item)
	}
	return out
}

// castTypes are types by the names that casts have.
var castTypes = sync.OnceValue(func() map[string]uint32 {
	return map[string]uint32{
		"text": OIDText, "varchar": OIDVarchar, "name": OIDName, "int": OIDInt4, "integer": OIDInt4, "int4": OIDInt4, "int8": OIDInt8, "bigint": OIDInt8, "int2": OIDInt2, "smallint": OIDInt2,
		"oid": OIDOid, "bool": OIDBool, "boolean": OIDBool, "date": OIDDate, "timestamp": OIDTimestamp, "regclass": OIDText, "regtype": OIDText, "regproc": OIDText, "regnamespace": OIDText,
		"float8": OIDFloat8, "numeric": OIDNumeric, "char": OIDChar,
	}
})

// callTypes are those of functions.
var callTypes = sync.OnceValue(func() map[string]uint32 {
	return map[string]uint32{
		"date_trunc": OIDTimestamp, "count": OIDInt8, "pg_table_is_visible": OIDBool, "pg_type_is_visible": OIDBool, "pg_function_is_visible": OIDBool, "pg_is_in_recovery": OIDBool,
		"has_schema_privilege": OIDBool, "has_any_column_privilege": OIDBool, "has_table_privilege": OIDBool, "has_database_privilege": OIDBool, "has_function_privilege": OIDBool, "has_column_privilege": OIDBool,
		"pg_has_role": OIDBool, "exists": OIDBool, "current_schema": OIDName, "current_database": OIDName, "pg_get_userbyid": OIDName, "pg_backend_pid": OIDInt4, "date_part": OIDFloat8, "extract": OIDFloat8,
		"current_schemas": OIDNameArray, "string_to_array": OIDTextArray, "parse_ident": OIDTextArray, "array_agg": OIDTextArray,
	}
})

func hintOf(item []token.Token) uint32 {
	depth := 0
	for i, t := range item { // the alias
		if depth += token.Depth(t); depth == 0 && t.Is("AS") {
			item = item[:i]
			break
		}
	}
	if n := len(item); n > 1 && item[n-1].Named() && (item[n-2].Named() && !item[n-2].Is("NOT", "IS") || item[n-2].Is(")") || item[n-2].Kind == token.String) {
		item = item[:n-1]
	}
	n := len(item)
	if n == 0 {
		return 0
	}
	if n > 2 && item[n-1].Named() {
		at := n - 2
		if item[at].Is(".") {
			at -= 2
		}
		if at > 0 && item[at].Is("::") {
			return castTypes()[item[n-1].Lower()]
		}
	}
	if n > 4 && item[n-1].Is("]") && item[n-2].Is("[") && item[n-3].Named() { // ::type[]
		at := n - 4
		if item[at].Is(".") {
			at -= 2
		}
		if at > 0 && item[at].Is("::") {
			return ArrayOf(castTypes()[item[n-3].Lower()])
		}
	}
	if item[0].Is("ARRAY") && n > 1 && token.Closing(item, 1) == n-1 {
		return arrayHint(item[1:])
	}
	if item[0].Is("NOT", "TRUE", "FALSE") {
		return OIDBool
	}
	if item[0].Is("CASE") {
		return 0
	}
	for i, t := range item {
		if depth += token.Depth(t); depth == 0 && i > 0 && t.Is("=", "<>", "!=", "<", ">", "<=", ">=", "LIKE", "ILIKE", "IN", "IS", "~", "!~", "~*", "!~*", "~~", "!~~", "AND", "OR") {
			return OIDBool
		}
	}
	at := 0
	if n > 2 && item[1].Is(".") {
		at = 2
	}
	if at+1 < n && item[at].Named() && item[at+1].Is("(") {
		end := token.Closing(item, at+1)
		if end != n-1 {
			return 0
		}
		if item[at].Is("CAST") && item[end-1].Named() {
			return castTypes()[item[end-1].Lower()]
		}
		return callTypes()[item[at].Lower()]
	}
	return 0
}

// arrayHint is the type of ARRAY[…] by its elements, and of ARRAY(…) that of texts.
func arrayHint(item []token.Token) uint32 {
	if !item[0].Is("[") {
		return OIDTextArray
	}
	out := uint32(0)
	for _, element := range token.Split(item[1:len(item)-1], ",") {
		of := hintOf(element)
		if len(element) == 1 && element[0].Kind == token.Number {
			of = OIDInt4
			if strings.ContainsAny(element[0].Text, ".eE") {
				of = OIDNumeric
			}
		}
		switch {
		case out == 0 || out == OIDInt4 && of == OIDNumeric:
			out = of
		case out != of && (out != OIDNumeric || of != OIDInt4):
			return OIDTextArray
		}
	}
	return ArrayOf(out)
}
