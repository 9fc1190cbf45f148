package pgcatalog

import (
	"errors"
	"strconv"
	"strings"
)

// OIDs of arrays: of names, and of texts.
const (
	OIDNameArray uint32 = 1003
	OIDTextArray uint32 = 1009
)

// Binary is how Postgres sends a type in binary.
type Binary int

// Forms of types in binary that are sent here, but for those of arrays, numbers and times.
const (
	BinaryNone   Binary = iota // not sent: it has another form
	BinaryText                 // the bytes of the text
	BinaryNumber               // four bytes: an OID or the number of a transaction
)

// BinaryOf is how a type is sent in binary.
func BinaryOf(oid uint32) Binary {
	switch typeNames[oid] {
	case "text", "varchar", "bpchar", "name", "unknown", "json", "pg_node_tree", "cstring":
		return BinaryText
	case "xid", "cid", "regproc", "regclass", "regtype", "regnamespace", "regrole":
		return BinaryNumber
	}
	return BinaryNone
}

// ElementOf is the type of the elements of an array; 0: the type is none. vector: its indexes begin with 0, and its text is
// of numbers with spaces between.
func ElementOf(oid uint32) (element uint32, vector bool) {
	return typeElements[oid], typeNames[oid] == "int2vector" || typeNames[oid] == "oidvector"
}

// ArrayOf is the type of arrays of a type; that of texts where it has none.
func ArrayOf(oid uint32) uint32 {
	if array := typeOIDs["_"+typeNames[oid]]; array != 0 {
		return array
	}
	return OIDTextArray
}

var (
	errArrayText  = errors.New("an array is written {a,b}, in one dimension")
	errVectorText = errors.New("a vector is of whole numbers with spaces between")
)

// arraySpace is what Postgres takes for white space in the text of an array.
const arraySpace = " \t\n\r\v\f"

// ArrayElements are the elements of the text of an array of at most one dimension, read as array_in of Postgres reads it:
// an element without quotes and backslashes that is the word NULL is NULL (nil), white space counts within an element
// alone, and a quoted element has nothing beside its quotes. Bounds of dimensions ([1:2]={a,b}) are not read.
func ArrayElements(text string) ([]*string, error) {
	text = strings.Trim(text, arraySpace)
	rest, braced := strings.CutPrefix(text, "{")
	if rest = strings.TrimLeft(rest, arraySpace); !braced {
		return nil, errArrayText
	}
	if rest == "}" {
		return nil, nil
	}
	var out []*string
	for {
		element, behind, ok := arrayElement(rest)
		if !ok {
			return nil, errArrayText
		}
		out = append(out, element)
		if behind == "}" {
			return out, nil
		}
		if rest, ok = strings.CutPrefix(behind, ","); !ok {
			return nil, errArrayText
		}
		rest = strings.TrimLeft(rest, arraySpace)
	}
}

// arrayElement reads the element that a text begins with, and gives what is behind it and the white space that follows.
func arrayElement(text string) (element *string, behind string, ok bool) {
	var b strings.Builder
	inner, quoted := strings.CutPrefix(text, `"`)
	escaped, kept := false, 0 // kept: of the bytes of an element without quotes, those before the white space at its end
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		switch {
		case c == '\\':
			if i++; i == len(inner) {
				return nil, "", false
			}
			b.WriteByte(inner[i])
			escaped, kept = true, b.Len()
		case quoted && c == '"':
			s := b.String()
			return &s, strings.TrimLeft(inner[i+1:], arraySpace), true
		case quoted:
			b.WriteByte(c)
		case c == '{' || c == '"':
			return nil, "", false
		case c == ',' || c == '}':
			s := b.String()[:kept]
			if !escaped && strings.EqualFold(s, "NULL") {
				return nil, inner[i:], true
			}
			return &s, inner[i:], s != ""
		default:
			b.WriteByte(c)
			if !strings.ContainsRune(arraySpace, rune(c)) {
				kept = b.Len()
			}
		}
	}
	return nil, "", false
}

// VectorElements are the numbers of the text of a vector.
func VectorElements(text string) ([]*string, error) {
	fields := strings.Fields(text)
	out := make([]*string, len(fields))
	for i := range fields {
		if _, err := strconv.ParseInt(fields[i], 10, 64); err != nil {
			return nil, errVectorText
		}
		out[i] = &fields[i]
	}
	return out, nil
}

// elements are those of an array or a vector: to a function of SQLite both are texts, and the brace tells them apart.
func elements(text string) ([]*string, error) {
	if strings.HasPrefix(strings.TrimLeft(text, arraySpace), "{") {
		return ArrayElements(text)
	}
	return VectorElements(text)
}

// ArrayText is the text of an array; nil is NULL.
func ArrayText(parts []*string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		if p == nil {
			out[i] = "NULL"
			continue
		}
		out[i] = quotedElement(*p)
	}
	return "{" + strings.Join(out, ",") + "}"
}

// quotedElement is an element as it stands in the text of an array.
func quotedElement(s string) string {
	if s == "" || strings.ContainsAny(s, "{},\"\\ \t\n\r\v\f") || strings.EqualFold(s, "NULL") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}
