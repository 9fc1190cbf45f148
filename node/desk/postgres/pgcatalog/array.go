package pgcatalog

import (
	"errors"
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

var errArrayText = errors.New("an array is written {a,b}, in one dimension")

// ArrayElements are the elements of the text of an array of one dimension, or of a vector of numbers; nil is NULL.
func ArrayElements(text string) ([]*string, error) {
	if !strings.HasPrefix(text, "{") {
		if strings.ContainsAny(text, `{}",`) {
			return nil, errArrayText
		}
		fields := strings.Fields(text)
		out := make([]*string, len(fields))
		for i := range fields {
			out[i] = &fields[i]
		}
		return out, nil
	}
	var out []*string
	var b strings.Builder
	quoted, some := false, false // within quotes; whether the element has any
	end := func() bool {
		s := b.String()
		b.Reset()
		if !some {
			if s = strings.TrimSpace(s); s == "" {
				return false
			}
			if strings.EqualFold(s, "NULL") {
				out = append(out, nil)
				return true
			}
		}
		some = false
		out = append(out, &s)
		return true
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
			some = true
		case c == '"':
			quoted, some = !quoted, true
		case quoted:
			b.WriteByte(c)
		case c == '{':
			return nil, errArrayText
		case c == ',':
			if !end() {
				return nil, errArrayText
			}
		case c == '}':
			if i != len(text)-1 {
				return nil, errArrayText
			}
			if strings.TrimSpace(text[1:i]) == "" {
				return nil, nil
			}
			if !end() {
				return nil, errArrayText
			}
			return out, nil
		default:
			b.WriteByte(c)
		}
	}
	return nil, errArrayText
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
