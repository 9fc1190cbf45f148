package panel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/decimal"
	"github.com/weirdata/weir/compute/spill"
	"github.com/weirdata/weir/compute/tiles"
)

// missing stands for no reading among a file's scaled values; a bound keeps
// readings far from it.
const missing = math.MinInt64

// reportEvery is how many rows are read between two looks at the context.
const reportEvery = 4096

// rowReader reads one file.
type rowReader struct {
	src      *Source
	registry *registry      // nil: the data makes its own
	progress func(rows int) // of rows read since the last call

	store     *spill.Store
	batchRows int // of a run
	batch     batch

	*rows
	header   header
	entities entityReader
	periods  periodReader
	fields   []string // of the period
}

// read reads a file. Faults of its data are in rows; the error is of the
// machine.
func (r *rowReader) read(ctx context.Context, f File) (*rows, error) {
	err := inItsEncoding(func(gb18030 bool) error {
		r.rows, r.batch = &rows{file: f.Name}, batch{values: make([][]int64, len(r.src.Columns))}
		r.entities = entityReader{registry: r.registry, found: &r.found}
		r.periods = periodReader{grain: r.src.Descriptor.Grain, parts: r.src.PeriodParts}
		r.fields = make([]string, len(r.src.PeriodColumns))
		return r.open(ctx, f, gb18030, &r.faults, r.table)
	})
	if err != nil {
		return nil, err
	}
	if err := r.keep(r.store, &r.batch); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name, err)
	}
	r.batch = batch{}
	return r.rows, nil
}

// open has a file read, by a function that adds faults of the data to a list or to rows. A
// compressed file with faults may be damaged, which then is all that is wrong with it.
func (r *rowReader) open(ctx context.Context, f File, gb18030 bool, faults *Errors, read func(context.Context, *textReader) error) (err error) {
	text, closer, err := openText(f, gb18030)
	if err != nil {
		return r.fileFault(err, 0)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	if err := read(ctx, text); err != nil || faults.Total+r.faults.Total == 0 {
		return err
	}
	if err := text.damage(ctx); err != nil {
		*faults = Errors{}
		return r.fileFault(err, 0)
	}
	return nil
}

// table reads the header and the rows.
func (r *rowReader) table(ctx context.Context, text *textReader) error {
	in := NewCSV(text)
	in.ReuseRecord, in.FieldsPerRecord = true, -1
	names, err := in.Read()
	if errors.Is(err, io.EOF) {
		r.fault(0, "", "the file is empty", "want a header and rows")
		return nil
	}
	if err != nil {
		return r.fileFault(err, rowAt(err, text.line, 1))
	}
	text.row()
	if slices.ContainsFunc(names, func(n string) bool { return strings.Contains(n, "\r") }) {
		return r.fileFault(errReturns, 0)
	}
	var ok bool
	if r.header, ok = readHeader(r.src, r.file, slices.Clone(names), &r.faults); !ok {
		return nil
	}
	if slices.Contains(r.header.attributes, -1) {
		for _, at := range r.header.attributes {
			r.lacks = append(r.lacks, at < 0)
		}
	}
	last := 1 // line on which the row before ends
	for n := 1; ; n++ {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			r.progress((n - 1) % reportEvery)
			return nil
		}
		if err != nil {
			return r.fileFault(err, rowAt(err, text.line, last+1))
		}
		text.row()
		line, _ := in.FieldPos(0)
		last, _ = in.FieldPos(len(fields) - 1)
		if line > math.MaxInt32 || n > tiles.MaxCells {
			r.fault(line, "", "the file has too many rows", fmt.Sprintf("a dataset has at most %d cells: publish parts", tiles.MaxCells))
			return nil
		}
		r.row(fields, line)
		if len(r.batch.period) >= r.batchRows {
			if err := r.keep(r.store, &r.batch); err != nil {
				return fmt.Errorf("read %s: %w", r.file, err)
			}
		}
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

// row reads one row. Where entity and period can be read it is kept even if a
// value cannot, so that a second row of the same cell is still noticed.
func (r *rowReader) row(fields []string, line int) {
	if blank(fields) { // as spreadsheets leave them below a table
		return
	}
	if len(fields) != len(r.header.names) {
		r.fault(line, "", fmt.Sprintf("has %d fields", len(fields)), fmt.Sprintf("want %d, as in the header; a field with a comma in it is quoted", len(r.header.names)))
		return
	}
	at, entityFault := r.entityOf(fields, line)
	if entityFault != nil && entityFault.message != "" {
		column := r.src.EntityColumn
		if entityFault.attribute >= 0 {
			column = r.src.Attributes[entityFault.attribute]
		}
		r.fault(line, column, entityFault.message, r.want(entityFault.want))
	}
	period, periodFault := r.periodOf(fields)
	if periodFault != nil {
		want := periodFault.want
		if !r.src.PeriodParts && len(r.faults.List) < maxListed {
			if meant := r.periods.meant(r.fields[0]); meant != "" {
				want = "write " + meant
			}
		}
		r.fault(line, r.src.PeriodColumns[periodFault.part], periodFault.message, want)
	}
	whole := entityFault == nil && periodFault == nil && r.header.keyed()
	for m, field := range r.header.measures {
		v := int64(missing)
		if field >= 0 {
			v = r.value(m, fields[field], line)
		}
		if whole {
			r.batch.values[m] = append(r.batch.values[m], v)
		}
	}
	if whole {
		r.add(&r.batch, at, period, int32(line)) // #nosec G115 -- checked by table
	}
}

// blank reports whether a row has nothing but separators.
func blank(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return strings.TrimSpace(f) != "" })
}

func (r *rowReader) entityOf(fields []string, line int) (int32, *entityFault) {
	if r.header.entity < 0 {
		return 0, nil
	}
	return r.entities.read(fields[r.header.entity], fields, r.header.attributes, line)
}

func (r *rowReader) periodOf(fields []string) (int64, *periodFault) {
	if slices.Contains(r.header.period, -1) {
		return 0, nil
	}
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
	if slices.Contains(r.src.Missing, text) {
		return missing
	}
	measure := &r.src.Descriptor.Measures[m]
	v, fault := decimal.ParseUnits(text, measure.Decimals)
	if fault == decimal.OK && v >= measure.Min && v <= measure.Max {
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
	switch _, fault := decimal.ParseUnits(text, measure.Decimals); fault {
	case decimal.NoNumber:
		r.fault(line, column, fmt.Sprintf("%.40q is no number", text), r.wantNumber(measure, text))
	case decimal.TooPrecise:
		r.fault(line, column, fmt.Sprintf("%.40q has more than %s", text, decimals(measure.Decimals)),
			"nothing is rounded: declare more decimals, or round the data yourself")
	default:
		r.fault(line, column, fmt.Sprintf("%.40q is outside the declared range", text), "want "+rangeOf(measure))
	}
	return missing
}
