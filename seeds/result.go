package seeds

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// ErrAnswer is returned when an answer does not have the shape its question
// asks for: a column is missing, a row too few, a cell no decimal.
var ErrAnswer = errors.New("answer does not fit the question")

// Result is a table of text: the rows a query released, or a registry.
// Numbers are exact decimals.
type Result struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// ReadResult reads CSV with a header row.
func ReadResult(r io.Reader) (Result, error) {
	all, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return Result{}, fmt.Errorf("reading a table: %w", err)
	}
	if len(all) == 0 {
		return Result{}, fmt.Errorf("reading a table: no header row: %w", io.ErrUnexpectedEOF)
	}
	return Result{Columns: all[0], Rows: all[1:]}, nil
}

// columns returns the cells of some columns, each from top to bottom.
func (r Result) columns(names ...string) ([][]string, error) {
	out := make([][]string, len(names))
	for i, name := range names {
		at := slices.Index(r.Columns, name)
		if at < 0 {
			return nil, fmt.Errorf("%w: no column %q in %q", ErrAnswer, name, r.Columns)
		}
		for n, row := range r.Rows {
			if at >= len(row) {
				return nil, fmt.Errorf("%w: row %d has %d cells, not %d", ErrAnswer, n+1, len(row), len(r.Columns))
			}
			out[i] = append(out[i], row[at])
		}
	}
	return out, nil
}

// single returns the numbers of the only row in some columns.
func (r Result) single(names ...string) ([]*big.Rat, error) {
	columns, err := r.columns(names...)
	if err != nil {
		return nil, err
	}
	if len(r.Rows) != 1 {
		return nil, fmt.Errorf("%w: %d rows, want 1", ErrAnswer, len(r.Rows))
	}
	numbers := make([]*big.Rat, len(names))
	for i, cells := range columns {
		if numbers[i], err = number(cells[0]); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// keyed returns the numbers of a column under the texts of another.
func (r Result) keyed(key, value string) (map[string]*big.Rat, error) {
	columns, err := r.columns(key, value)
	if err != nil {
		return nil, err
	}
	all := make(map[string]*big.Rat, len(r.Rows))
	for i, k := range columns[0] {
		if all[k] != nil {
			return nil, fmt.Errorf("%w: two rows for %q", ErrAnswer, k)
		}
		if all[k], err = number(columns[1][i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// number reads an exact decimal; exponents and fractions are not exact
// decimals and refused.
func number(cell string) (*big.Rat, error) {
	for _, c := range cell {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return nil, fmt.Errorf("%w: %q is no decimal", ErrAnswer, cell)
		}
	}
	value, ok := new(big.Rat).SetString(cell)
	if !ok {
		return nil, fmt.Errorf("%w: %q is no decimal", ErrAnswer, cell)
	}
	return value, nil
}

// eachRow calls visit for every row of a CSV with a header row, with the cells
// of the named columns, in that order and valid until the next row.
func eachRow(r io.Reader, columns []string, visit func(cells []string) error) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if err != nil {
		return fmt.Errorf("reading the header row: %w", err)
	}
	at := make([]int, len(columns))
	for i, name := range columns {
		if at[i] = slices.Index(header, name); at[i] < 0 {
			return fmt.Errorf("no column %q in %q", name, header)
		}
	}
	cells := make([]string, len(columns))
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a row: %w", err)
		}
		for i, position := range at {
			cells[i] = row[position]
		}
		if err := visit(cells); err != nil {
			line, _ := in.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
	}
}
