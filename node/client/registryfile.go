package client

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/weirdata/weir/compute/panel"
)

// maxRegistryFile bounds a registry's file in bytes; a registry has at most
// 262,144 rows.
const maxRegistryFile = 256 << 20

// maxFaults is how many faults of a registry's file are listed.
const maxFaults = 20

// ReadRegistryCSV reads a registry from CSV with a header: the column idColumn
// holds the ids, the others are attributes in the order of columns, or in the
// file's when columns is nil. What is wrong is *panel.Errors; name stands for
// the file in them.
func ReadRegistryCSV(name string, r io.Reader, id, idColumn string, columns []string) (RegistryTable, error) {
	t := RegistryTable{ID: id, IDColumn: idColumn}
	b, err := io.ReadAll(io.LimitReader(r, maxRegistryFile+1))
	if err != nil {
		return t, fmt.Errorf("read %s: %w", name, err)
	}
	faults := &panel.Errors{}
	fault := func(row int, column, message, want string) {
		if faults.Total++; len(faults.List) < maxFaults {
			faults.List = append(faults.List, &panel.DataError{File: name, Row: row, Column: column, Message: message, Want: want})
		}
	}
	switch {
	case len(b) > maxRegistryFile:
		fault(0, "", fmt.Sprintf("more than %d bytes", maxRegistryFile), "a registry is one row for each entity")
	case !utf8.Valid(b):
		fault(0, "", "not UTF-8 text", "convert it, for example with `iconv -f GB18030 -t UTF-8`")
	}
	if faults.Total > 0 {
		return t, faults
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))))
	header, err := in.Read()
	if err != nil {
		fault(1, "", csvFault(err), "want a header with the columns' names")
		return t, faults
	}
	order := registryOrder(header, idColumn, columns, fault)
	if faults.Total > 0 {
		return t, faults
	}
	for _, at := range order[1:] {
		t.Columns = append(t.Columns, header[at])
	}
	readRegistryRows(in, &t, order, fault)
	if faults.Total > 0 {
		return t, faults
	}
	return t, nil
}

// registryOrder finds the id column and the attributes among the header's
// columns.
func registryOrder(header []string, idColumn string, columns []string, fault func(int, string, string, string)) []int {
	for i, h := range header {
		if slices.Index(header, h) < i {
			fault(1, h, "stands in the header twice", "every column has its own name")
		}
	}
	if columns == nil {
		for _, h := range header {
			if h != idColumn {
				columns = append(columns, h)
			}
		}
	} else if extra := len(header) - len(columns) - 1; extra > 0 {
		for _, h := range header {
			if h != idColumn && !slices.Contains(columns, h) {
				fault(1, h, "is not a column of the registry", fmt.Sprintf("want %q and %q", idColumn, columns))
			}
		}
	}
	order := []int{}
	for _, want := range append([]string{idColumn}, columns...) {
		at := slices.Index(header, want)
		if at < 0 {
			fault(1, want, "is not in the header", fmt.Sprintf("the header has %q", header))
		}
		order = append(order, at)
	}
	return order
}

func readRegistryRows(in *csv.Reader, t *RegistryTable, order []int, fault func(int, string, string, string)) {
	seen := map[string]int{}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fault(faultLine(err), "", csvFault(err), "")
			if !errors.Is(err, csv.ErrFieldCount) {
				return // the reader cannot go on
			}
			continue
		}
		line, _ := in.FieldPos(0)
		row := make([]string, len(order))
		for i, at := range order {
			row[i] = record[at]
		}
		switch first, twice := seen[row[0]]; {
		case row[0] == "":
			fault(line, t.IDColumn, "is empty", "every entity has an id")
		case twice:
			fault(line, t.IDColumn, fmt.Sprintf("%.80q stands in row %d already", row[0], first), "every entity has its own id")
		default:
			seen[row[0]] = line
		}
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		fault(1, "", "there are no rows", "want one for each entity")
	}
}

// faultLine is the line on which the record at fault begins.
func faultLine(err error) int {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return p.StartLine
	}
	return 0
}

// csvFault is the reader's message without its position, which the fault has.
func csvFault(err error) string {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	if errors.Is(err, io.EOF) {
		return "the file is empty"
	}
	return err.Error()
}
