package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
	"github.com/weirdata/weir/node/desk/postgres/token"
)

// Formats of values.
const (
	formatText   = 0
	formatBinary = 1
)

// cellText is a cell as text; nil: NULL.
func cellText(cell any) []byte {
	switch v := cell.(type) {
	case nil:
		return nil
	case bool:
		if v {
			return []byte("t")
		}
		return []byte("f")
	case int64:
		return strconv.AppendInt(nil, v, 10)
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64)
	case string:
		return []byte(v)
	}
	return []byte(fmt.Sprint(cell))
}

// encode writes a cell of a column.
func encode(types *pgtype.Map, cell any, oid uint32, format int16) ([]byte, error) {
	if cell == nil {
		return nil, nil
	}
	if format == formatText {
		if b, ok := cell.(bool); ok && oid != pgcatalog.OIDBool {
			cell = map[bool]int64{true: 1}[b]
		}
		if n, ok := cell.(int64); ok && oid == pgcatalog.OIDBool {
			cell = n != 0
		}
		return cellText(cell), nil
	}
	text := string(cellText(cell))
	wrong := func(err error) error {
		return fail(stateInternal, "ask for values as text", "%.80q cannot be sent as %d: %v", text, oid, err)
	}
	var value any
	switch oid {
	case pgcatalog.OIDBool:
		value = text == "t" || text == "1" || text == "true"
	case pgcatalog.OIDInt2, pgcatalog.OIDInt4, pgcatalog.OIDInt8, pgcatalog.OIDOid:
		if text == "t" || text == "f" {
			text = map[string]string{"t": "1", "f": "0"}[text]
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, wrong(err)
		}
		if value = n; oid == pgcatalog.OIDOid {
			value = uint32(n)
		}
	case pgcatalog.OIDFloat4, pgcatalog.OIDFloat8:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, wrong(err)
		}
		value = f
	case pgcatalog.OIDNumeric:
		n := pgtype.Numeric{}
		if err := n.Scan(text); err != nil {
			return nil, wrong(err)
		}
		value = n
	case pgcatalog.OIDDate, pgcatalog.OIDTimestamp, pgcatalog.OIDTimestamptz:
		at, err := timeOf(text)
		if err != nil {
			return nil, wrong(err)
		}
		value = at
	case pgcatalog.OIDChar:
		return []byte(text)[:min(len(text), 1)], nil
	default:
		if element, vector := pgcatalog.ElementOf(oid); element != 0 {
			b, err := encodeArray(types, text, element, vector)
			if err != nil {
				return nil, wrong(err)
			}
			return b, nil
		}
		switch form := pgcatalog.BinaryOf(oid); form {
		case pgcatalog.BinaryText:
			return []byte(text), nil
		case pgcatalog.BinaryNumber:
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return nil, wrong(err)
			}
			return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
		}
		return nil, wrong(errors.New("the type has no binary form here"))
	}
	b, err := types.Encode(oid, formatBinary, value, nil)
	if err != nil {
		return nil, wrong(err)
	}
	return b, nil
}

// maxParameter is the most bytes of a parameter.
const maxParameter = 64 << 10

// parameter is what a parameter stands for in SQL.
func parameter(value []byte, oid uint32, format int16) (token.Token, error) {
	if value == nil {
		return word("NULL"), nil
	}
	if len(value) > maxParameter {
		return token.Token{}, fail(stateTooLarge, "", "a parameter has more than %d bytes", maxParameter)
	}
	text := string(value)
	if isText := format == formatText || isTextOID(oid); isText && (!utf8.Valid(value) || strings.ContainsRune(text, 0)) {
		return token.Token{}, fail(stateParameter, "send texts as UTF-8", "a parameter is not valid UTF-8, or has a zero byte")
	}
	if element, vector := pgcatalog.ElementOf(oid); element != 0 && !vector {
		return arrayParameter(value, oid, element, format)
	}
	number := func(text string) token.Token { return token.Token{Kind: token.Number, Text: text} }
	if format == formatText {
		switch oid {
		case pgcatalog.OIDInt2, pgcatalog.OIDInt4, pgcatalog.OIDInt8, pgcatalog.OIDOid, pgcatalog.OIDNumeric, pgcatalog.OIDFloat4, pgcatalog.OIDFloat8:
			if _, err := strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "xXnNpP_") {
				return token.Token{}, fail(stateParameter, "", "a parameter is %.40q and no number", text)
			}
			return number(text), nil
		}
		return token.Token{Kind: token.String, Text: text}, nil
	}
	bad := fail(stateParameter, "send parameters as text", "a parameter of type %d has %d bytes, which are not read", oid, len(value))
	switch {
	case oid == pgcatalog.OIDInt2 && len(value) == 2:
		return number(strconv.Itoa(int(int16(binary.BigEndian.Uint16(value))))), nil
	case oid == pgcatalog.OIDInt4 && len(value) == 4:
		return number(strconv.Itoa(int(int32(binary.BigEndian.Uint32(value))))), nil
	case oid == pgcatalog.OIDOid && len(value) == 4:
		return number(strconv.FormatUint(uint64(binary.BigEndian.Uint32(value)), 10)), nil
	case oid == pgcatalog.OIDInt8 && len(value) == 8:
		return number(strconv.FormatInt(int64(binary.BigEndian.Uint64(value)), 10)), nil
	case oid == pgcatalog.OIDFloat4 && len(value) == 4:
		f := float64(math.Float32frombits(binary.BigEndian.Uint32(value)))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return token.Token{}, bad
		}
		return number(strconv.FormatFloat(f, 'f', -1, 32)), nil
	case oid == pgcatalog.OIDFloat8 && len(value) == 8:
		f := math.Float64frombits(binary.BigEndian.Uint64(value))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return token.Token{}, bad
		}
		return number(strconv.FormatFloat(f, 'f', -1, 64)), nil
	case oid == pgcatalog.OIDBool && len(value) == 1:
		return word(map[bool]string{true: "TRUE", false: "FALSE"}[value[0] != 0]), nil
	case oid == pgcatalog.OIDNumeric:
		var n pgtype.Numeric
		if err := pgtype.NewMap().Scan(oid, formatBinary, value, &n); err != nil || n.NaN || n.InfinityModifier != pgtype.Finite || n.Exp > 100 || n.Exp < -100 {
			return token.Token{}, bad
		}
		v, err := n.Value()
		if err != nil {
			return token.Token{}, bad
		}
		return number(fmt.Sprint(v)), nil
	case oid == pgcatalog.OIDDate && len(value) == 4:
		days := int32(binary.BigEndian.Uint32(value))
		return token.Token{Kind: token.String, Text: epoch.AddDate(0, 0, int(days)).Format(time.DateOnly)}, nil
	case (oid == pgcatalog.OIDTimestamp || oid == pgcatalog.OIDTimestamptz) && len(value) == 8:
		micros := int64(binary.BigEndian.Uint64(value))
		at := time.UnixMicro(micros + epoch.UnixMicro()).UTC().Format("2006-01-02T15:04:05")
		if oid == pgcatalog.OIDTimestamptz {
			at += "Z"
		}
		return token.Token{Kind: token.String, Text: at}, nil
	case isTextOID(oid):
		return token.Token{Kind: token.String, Text: text}, nil
	}
	return token.Token{}, bad
}

// isTextOID reports whether a type is one of texts: bpchar and unknown are, too.
func isTextOID(oid uint32) bool {
	return oid == pgcatalog.OIDText || oid == pgcatalog.OIDVarchar || oid == pgcatalog.OIDName || oid == 0 || oid == 1042 || oid == 705
}

// epoch is where times in binary begin.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
