package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// maxElements is the most elements of an array that a client sends.
const maxElements = 10_000

// encodeArray writes the text of an array of one dimension as Postgres sends arrays in binary: the number of dimensions,
// whether there are NULLs, the type of the elements, and the length and first index of the dimension before them.
func encodeArray(types *pgtype.Map, text string, element uint32, vector bool) ([]byte, error) {
	read := pgcatalog.ArrayElements
	if vector {
		read = pgcatalog.VectorElements
	}
	parts, err := read(text)
	if err != nil {
		return nil, err
	}
	dimensions, nulls, first := uint32(1), uint32(0), uint32(1)
	if vector {
		first = 0 // the first index of int2vector and oidvector is 0
	}
	for _, p := range parts {
		if p == nil {
			nulls = 1
		}
	}
	if len(parts) == 0 && !vector {
		dimensions = 0
	}
	b := binary.BigEndian.AppendUint32(nil, dimensions)
	b = binary.BigEndian.AppendUint32(b, nulls)
	b = binary.BigEndian.AppendUint32(b, element)
	if dimensions > 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(parts)))
		b = binary.BigEndian.AppendUint32(b, first)
	}
	for _, p := range parts {
		if p == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		v, err := encode(types, *p, element, formatBinary)
		if err != nil {
			return nil, err
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	return b, nil
}

// errArray is an array that does not have the form that Postgres reads.
var errArray = errors.New("the array is not of one dimension, or its lengths do not fit its bytes")

// decodeArray reads an array of at most one dimension that was sent in binary, as the text of an array.
func decodeArray(b []byte, element uint32) (string, error) {
	next := func() (uint32, bool) {
		if len(b) < 4 {
			return 0, false
		}
		n := binary.BigEndian.Uint32(b)
		b = b[4:]
		return n, true
	}
	dimensions, ok := next()
	_, okNulls := next()
	of, okType := next()
	if !ok || !okNulls || !okType || dimensions > 1 {
		return "", errArray
	}
	if of != element {
		return "", fmt.Errorf("its elements are of type %d, and not %d", of, element)
	}
	count := uint32(0)
	if dimensions == 1 {
		var okCount, okFirst bool
		count, okCount = next()
		_, okFirst = next()
		if !okCount || !okFirst || count > uint32(len(b)/4) {
			return "", errArray
		}
	}
	if count > maxElements {
		return "", fmt.Errorf("it has more than %d elements", maxElements)
	}
	parts := make([]*string, count)
	for i := range parts {
		size, ok := next()
		if !ok || size != 0xffffffff && uint64(size) > uint64(len(b)) {
			return "", errArray
		}
		if size == 0xffffffff {
			continue
		}
		v, err := parameter(b[:size], element, formatBinary)
		if err != nil {
			return "", err
		}
		b = b[size:]
		text := v.Text
		if element == pgcatalog.OIDBool {
			text = map[bool]string{true: "t", false: "f"}[v.Is("TRUE")]
		}
		parts[i] = &text
	}
	if len(b) > 0 {
		return "", errArray
	}
	return pgcatalog.ArrayText(parts), nil
}

// arrayParameter is what an array stands for in SQL: its text.
func arrayParameter(value []byte, oid, element uint32, format int16) (token.Token, error) {
	text := string(value)
	if format == formatBinary {
		var err error
		if text, err = decodeArray(value, element); err != nil {
			return token.Token{}, fail(stateParameter, "send arrays of one dimension", "a parameter of type %d is not read: %v", oid, err)
		}
	}
	parts, err := pgcatalog.ArrayElements(text)
	switch {
	case err != nil:
		return token.Token{}, fail(stateParameter, "an array is written {1,2,3}", "a parameter of type %d is not read: %v", oid, err)
	case len(parts) > maxElements:
		return token.Token{}, fail(stateTooLarge, "", "an array has more than %d elements", maxElements)
	}
	return token.Token{Kind: token.String, Text: text}, nil
}

// quantified writes = ANY('{a,b}') as IN ('a','b') and <> ALL('{a,b}') as NOT IN: list[i] is the sign. It returns where
// what follows begins; 0: it is something else.
func quantified(list []token.Token, i int) (out []token.Token, end int) {
	if i+3 >= len(list) || !list[i+2].Is("(") {
		return nil, 0
	}
	not := list[i].Is("<>", "!=") && list[i+1].Is("ALL")
	if !not && (!list[i].Is("=") || !list[i+1].Is("ANY", "SOME")) {
		return nil, 0
	}
	closing := token.Closing(list, i+2)
	if closing < 0 {
		return nil, 0
	}
	of := bare(list[i+3 : closing])
	numbers := false
	switch {
	case len(of) > 2 && of[1].Is("::") && typeEnd(of, 2) == len(of):
		numbers = casts()[of[2].Lower()] != 0 && !isTextOID(casts()[of[2].Lower()]) && !of[2].Is("DATE", "TIMESTAMP", "TIMESTAMPTZ", "BOOL")
		of = of[:1]
	case len(of) != 1:
		return nil, 0
	}
	if of[0].Kind != token.String {
		return nil, 0
	}
	parts, err := pgcatalog.ArrayElements(of[0].Text)
	if err != nil || len(parts) == 0 {
		return nil, 0
	}
	if not {
		out = append(out, word("NOT"))
	}
	out = append(out, word("IN"), sign("("))
	for j, p := range parts {
		if p == nil {
			return nil, 0
		}
		if j > 0 {
			out = append(out, sign(","))
		}
		value := token.Token{Kind: token.String, Text: *p}
		if numbers {
			value.Kind = token.Number
		}
		out = append(out, value)
	}
	return append(out, sign(")")), closing + 1
}

func isArray(oid uint32) bool {
	element, _ := pgcatalog.ElementOf(oid)
	return element != 0
}
