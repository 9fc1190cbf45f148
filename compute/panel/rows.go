package panel

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
)

// missing stands for no reading among a file's scaled values; a bound keeps
// readings far from it.
const missing = math.MinInt64

// rows are a file's readings, column by column: 16 bytes a row and 8 a value.
type rows struct {
	file   string
	entity []int32   // index into the registry, or into found
	line   []int32   // on which the row begins
	period []int64   // index in the dataset's grain
	values [][]int64 // [measure], in units of 10^-decimals; missing
	found  []entity  // where the data makes the registry, in order of appearance
	faults Errors
}

// reportEvery is how many rows are read between two looks at the context.
const reportEvery = 4096

// rowReader reads one file.
type rowReader struct {
	src      *Source
	registry *registry      // nil: the data makes its own
	progress func(rows int) // of rows read since the last call

	*rows
	header   header
	entities entityReader
	periods  periodReader
	fields   []string // of the period
}

// read reads a file. Faults of its data are in rows; the error is of the
// machine.
func (r *rowReader) read(ctx context.Context, f File) (*rows, error) {
	for _, gb18030 := range []bool{false, true} {
		r.rows = &rows{file: f.Name, values: make([][]int64, len(r.src.Columns))}
		r.entities = entityReader{registry: r.registry, found: &r.found}
		r.periods = periodReader{grain: r.src.Descriptor.Grain, parts: r.src.PeriodParts}
		r.fields = make([]string, len(r.src.PeriodColumns))
		err := r.attempt(ctx, f, gb18030)
		if errors.Is(err, errNotUTF8) && !gb18030 {
			continue
		}
		return r.rows, err
	}
	return r.rows, nil
}

func (r *rowReader) attempt(ctx context.Context, f File, gb18030 bool) (err error) {
	text, closer, err := openText(f, gb18030)
	if err != nil {
		return r.fileFault(err, 0)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	in := csv.NewReader(text)
	in.ReuseRecord, in.FieldsPerRecord = true, -1
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		r.fault(0, "", "the file is empty", "want a header and rows")
		return nil
	}
	if err != nil {
		return r.fileFault(err, text.line)
	}
	var ok bool
	if r.header, ok = readHeader(r.src, r.file, slices.Clone(names), &r.faults); !ok {
		return nil
	}
	for n := 1; ; n++ {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			r.progress((n - 1) % reportEvery)
			return nil
		}
		if err != nil {
			return r.fileFault(err, text.line)
		}
		line, _ := in.FieldPos(0)
		if line > math.MaxInt32 {
			r.fault(0, "", "the file has too many lines", "split it")
			return nil
		}
		r.row(fields, line)
		if n%reportEvery == 0 {
			r.progress(reportEvery)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}

func (r *rowReader) fault(line int, column, message, want string) {
	r.faults.add(&DataError{File: r.file, Row: line, Column: column, Message: message, Want: want})
}

// fileFault tells faults of the data, which end the file, from those of the
// machine, which it returns.
func (r *rowReader) fileFault(err error, line int) error {
	var parse *csv.ParseError
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, errNotUTF8):
		return err
	case errors.Is(err, errForeign):
		r.fault(0, "", err.Error(), "")
	case errors.Is(err, errBrokenText):
		r.discard()
		r.fault(line, "", err.Error(), "save the file as UTF-8")
	case errors.As(err, &parse):
		r.fault(parse.StartLine, "", fmt.Sprintf("quotes do not match (line %d, character %d): %v", parse.Line, parse.Column, parse.Err),
			`a field with " in it is quoted and its " doubled; the rest of the file was not read`)
	case errors.Is(err, io.ErrUnexpectedEOF):
		r.discard()
		r.fault(line, "", "the compressed file ends too early", "it was cut off: copy it again")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		r.discard()
		r.fault(line, "", "the compressed file is damaged", "copy or compress it again")
	default:
		return fmt.Errorf("reading %s: %w", r.file, err)
	}
	return nil
}

// discard forgets what was read of a damaged file, and its faults: they may be
// the damage's.
func (r *rowReader) discard() {
	*r.rows = rows{file: r.file, values: make([][]int64, len(r.src.Columns))}
}

// row reads one row. Where entity and period can be read it is kept even if a
// value cannot, so that a second row of the same cell is still noticed.
func (r *rowReader) row(fields []string, line int) {
	if len(fields) != len(r.header.names) {
		r.fault(line, "", fmt.Sprintf("%d fields", len(fields)), fmt.Sprintf("want %d, as in the header", len(r.header.names)))
		return
	}
	at, entityFault := r.entities.read(fields[r.header.entity], fields, r.header.attributes, line)
	if entityFault != nil {
		column := r.src.EntityColumn
		if entityFault.attribute >= 0 {
			column = r.src.Attributes[entityFault.attribute]
		}
		r.fault(line, column, entityFault.message, r.want(entityFault.want))
	}
	period, periodFault := r.periodOf(fields)
	if periodFault != nil {
		r.fault(line, r.src.PeriodColumns[periodFault.part], periodFault.message, periodFault.want)
	}
	whole := entityFault == nil && periodFault == nil
	for m, field := range r.header.measures {
		v := r.value(m, fields[field], line)
		if whole {
			r.values[m] = append(r.values[m], v)
		}
	}
	if whole {
		r.entity = append(r.entity, at)
		r.period = append(r.period, period)
		r.line = append(r.line, int32(line)) // #nosec G115 -- checked by attempt
	}
}

func (r *rowReader) periodOf(fields []string) (int64, *periodFault) {
	for i, at := range r.header.period {
		r.fields[i] = fields[at]
	}
	return r.periods.read(r.fields)
}

// want is called for what is costly to find out, and only where it will be
// listed.
func (r *rowReader) want(find func() string) string {
	if find == nil || len(r.faults.List) >= maxListed {
		return ""
	}
	return find()
}

// value is a reading in units of 10^-decimals, or missing.
func (r *rowReader) value(m int, text string, line int) int64 {
	for _, none := range r.src.Missing {
		if text == none {
			return missing
		}
	}
	measure := &r.src.Descriptor.Measures[m]
	v, fault := parseDecimal(text, measure.Decimals)
	if fault == decimalOK && v >= measure.Min && v <= measure.Max {
		return v
	}
	return r.oddValue(m, measure, text, line)
}

// oddValue is a reading with blanks around it, which do not matter, or a fault.
func (r *rowReader) oddValue(m int, measure *catalog.Measure, text string, line int) int64 {
	if plain := strings.TrimSpace(text); plain != text {
		return r.value(m, plain, line)
	}
	column := r.src.Columns[m]
	lo, hi := formatDecimal(measure.Min, measure.Decimals), formatDecimal(measure.Max, measure.Decimals)
	switch _, fault := parseDecimal(text, measure.Decimals); fault {
	case notDecimal:
		r.fault(line, column, fmt.Sprintf("%.40q is no number", text),
			fmt.Sprintf("want a plain decimal from %s to %s, or one of %q where there is no reading", lo, hi, r.src.Missing))
	case tooPrecise:
		r.fault(line, column, fmt.Sprintf("%.40q has more than %d decimals", text, measure.Decimals),
			"nothing is rounded: declare more decimals, or round the data yourself")
	default:
		r.fault(line, column, fmt.Sprintf("%.40q is outside the declared range", text), fmt.Sprintf("want %s to %s", lo, hi))
	}
	return missing
}
