package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/weirdata/weir/node/client"
)

// outputFormat is how results are printed; it is a flag value.
type outputFormat string

const (
	outputTable outputFormat = "table"
	outputJSON  outputFormat = "json"
	outputCSV   outputFormat = "csv"
)

// String implements pflag.Value.
func (f *outputFormat) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *outputFormat) Type() string { return "format" }

// Set implements pflag.Value.
func (f *outputFormat) Set(text string) error {
	switch v := outputFormat(text); v {
	case outputTable, outputJSON, outputCSV:
		*f = v
		return nil
	}
	return fmt.Errorf("%q is not table, json or csv", text)
}

// sheet is what a list command prints as a table or as CSV.
type sheet struct {
	head []string
	rows [][]string
}

func (s *sheet) add(cells ...string) { s.rows = append(s.rows, cells) }

// printList asks the cluster for a list and prints it; as JSON, it is what an object
// has under name.
func printList[T any](ctx context.Context, a *app, who owner, name string, get func(*client.Client, context.Context) ([]T, error), sheetOf func([]T) sheet) error {
	return a.with(who, func(c *client.Client) error {
		list, err := get(c, ctx)
		if err != nil {
			return err
		}
		return a.print(map[string]any{name: listed(list)}, sheetOf(list))
	})
}

// printNamed asks the cluster for the one thing of that id or name and prints it.
func printNamed[T any](ctx context.Context, a *app, who owner, id string, get func(*client.Client, context.Context, string) (T, error), sheetOf func([]T) sheet) error {
	return a.with(who, func(c *client.Client) error {
		one, err := get(c, ctx, id)
		if err != nil {
			return err
		}
		return a.printOne(one, sheetOf([]T{one}))
	})
}

// field is a cell of a row, under the same name in a table and in JSON.
type field struct{ name, text string }

// printRow prints one row, which as JSON is an object.
func (a *app) printRow(row ...field) error {
	document, s := map[string]string{}, sheet{rows: [][]string{nil}}
	for _, f := range row {
		document[f.name] = f.text
		s.head, s.rows[0] = append(s.head, f.name), append(s.rows[0], f.text)
	}
	return a.print(document, s)
}

// print writes document as JSON, or the sheet in the other formats.
func (a *app) print(document any, s sheet) error {
	switch a.output {
	case outputJSON:
		return a.printJSON(document)
	case outputCSV:
		return writeCSV(a.stdout, s)
	default:
		return writeTable(a.stdout, s)
	}
}

// listed is a list as JSON prints it: [] when it is empty, not null.
func listed[T any](list []T) []T { return append([]T{}, list...) }

// printOne is print for a sheet of one row, which a table shows a line a column:
// there are too many to read in a row.
func (a *app) printOne(document any, s sheet) error {
	if a.output == outputJSON || a.output == outputCSV || len(s.rows) != 1 {
		return a.print(document, s)
	}
	turned := sheet{head: []string{"what", "value"}}
	for i, name := range s.head {
		if s.rows[0][i] != "" {
			turned.add(name, s.rows[0][i])
		}
	}
	return a.print(document, turned)
}

func writeCSV(w io.Writer, s sheet) error {
	c := csv.NewWriter(w)
	if err := c.Write(s.head); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if err := c.WriteAll(s.rows); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// writeTable aligns columns by the cells that a terminal takes for them, two for
// a Chinese character.
func writeTable(w io.Writer, s sheet) error {
	widths := make([]int, len(s.head))
	lines := append([][]string{s.head}, s.rows...)
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], textWidth(printable(cell)))
		}
	}
	b := bufio.NewWriter(w)
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			cell = printable(cell)
			text.WriteString(cell)
			text.WriteString(strings.Repeat(" ", widths[i]-textWidth(cell)+2))
		}
		if _, err := b.WriteString(strings.TrimRight(text.String(), " ") + "\n"); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printable keeps what others wrote from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			if !unicode.In(r, unicode.Mn, unicode.Me) {
				n++
			}
		}
	}
	return n
}
