package table

import (
	"errors"
	"io"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetRows is how many rows are read at once.
const parquetRows = 256

// parquet reads the columns of a Parquet file that are no lists.
func (r *reader) parquet(raw io.ReadCloser, in io.Reader) error {
	at, size, err := whole(raw, in)
	if err != nil {
		return r.fault(err, 0)
	}
	file, err := parquet.OpenFile(at, size)
	if err != nil {
		r.sink.Fault(0, "is a damaged Parquet file: "+err.Error(), "copy it again")
		return nil
	}
	columns := parquetColumns(file.Schema())
	names := []string{}
	for _, c := range columns {
		if c.write != nil {
			names = append(names, c.name)
		}
	}
	if !r.sink.Begin(Head{Kind: "parquet", Names: names}) {
		return nil
	}
	fields, n := make([]string, len(names)), 0
	for _, group := range file.RowGroups() {
		if err := r.group(group, columns, fields, &n); err != nil {
			return err
		}
	}
	return nil
}

// group reads one group of rows.
func (r *reader) group(group parquet.RowGroup, columns []parquetColumn, fields []string, n *int) (err error) {
	rows := group.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	buffer := make([]parquet.Row, parquetRows)
	for {
		read, err := rows.ReadRows(buffer)
		for _, row := range buffer[:read] {
			*n++
			clear(fields)
			for _, v := range row {
				if c := columns[v.Column()]; c.write != nil && !v.IsNull() {
					fields[c.at] = c.write(v)
				}
			}
			if err := r.row(fields, *n); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			r.sink.Discard()
			r.sink.Fault(*n, "the Parquet file is damaged: "+err.Error(), "copy it again")
			return ErrEnough
		case read == 0:
			return nil
		}
	}
}

// parquetColumn is a column and how its values are written; write is nil of lists.
type parquetColumn struct {
	name  string
	at    int
	write func(parquet.Value) string
}

func parquetColumns(schema *parquet.Schema) []parquetColumn {
	var out []parquetColumn
	n := 0
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		c := parquetColumn{name: strings.Join(path, ".")}
		if ok && leaf.MaxRepetitionLevel == 0 {
			c.at, c.write = n, writerOf(leaf.Node.Type())
			n++
		}
		out = append(out, c)
	}
	return out
}

// writerOf writes values of a type as text.
func writerOf(t parquet.Type) func(parquet.Value) string {
	if l := t.LogicalType(); l != nil {
		switch x := l.Value.(type) {
		case *format.DecimalType:
			return func(v parquet.Value) string { return writeDecimal(v, int(x.Scale)) }
		case *format.DateType:
			return func(v parquet.Value) string { return time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly) }
		case *format.TimestampType:
			return func(v parquet.Value) string { return writeTime(v.Int64(), x.Unit, x.IsAdjustedToUTC) }
		case *format.IntType:
			if !x.IsSigned {
				return writeUnsigned
			}
		}
	}
	switch t.Kind() {
	case parquet.Float:
		return func(v parquet.Value) string { return writeFloat(float64(v.Float()), 32) }
	case parquet.Double:
		return func(v parquet.Value) string { return writeFloat(v.Double(), 64) }
	case parquet.Int96:
		return func(v parquet.Value) string {
			x := v.Int96()
			nanos := int64(x[1])<<32 | int64(x[0]) // of the day, and a Julian day
			return Instant(time.Unix((int64(x[2])-2440588)*86400, nanos), false)
		}
	}
	return func(v parquet.Value) string { return v.String() }
}

// writeFloat writes a float's shortest decimal, with an exponent where it is very large or
// small.
func writeFloat(v float64, bits int) string {
	if size := math.Abs(v); size != 0 && size < 1e-6 || size >= 1e15 {
		return strconv.FormatFloat(v, 'G', -1, bits)
	}
	return strconv.FormatFloat(v, 'f', -1, bits)
}

func writeUnsigned(v parquet.Value) string {
	if v.Kind() == parquet.Int32 {
		return strconv.FormatUint(uint64(uint32(v.Int32())), 10)
	}
	return strconv.FormatUint(uint64(v.Int64()), 10)
}

// writeDecimal writes an integer of the last decimal.
func writeDecimal(v parquet.Value, scale int) string {
	n := new(big.Int)
	switch v.Kind() {
	case parquet.Int32:
		n.SetInt64(int64(v.Int32()))
	case parquet.Int64:
		n.SetInt64(v.Int64())
	default: // two's complement, the high byte first
		b := v.ByteArray()
		n.SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	sign, digits := "", n.String()
	if n.Sign() < 0 {
		sign, digits = "-", digits[1:]
	}
	if scale <= 0 {
		return sign + digits
	}
	for len(digits) <= scale {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

func writeTime(n int64, unit format.TimeUnit, utc bool) string {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return Instant(time.UnixMilli(n), utc)
	case *format.MicroSeconds:
		return Instant(time.UnixMicro(n), utc)
	}
	return Instant(time.Unix(0, n), utc)
}

// Instant writes a time, with Z where it is known to be in UTC.
func Instant(t time.Time, utc bool) string {
	text := t.UTC().Format("2006-01-02T15:04:05.999999999")
	if utc {
		text += "Z"
	}
	return text
}
