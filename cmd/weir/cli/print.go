package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
)

// Format is how results are printed; it is a flag value.
type Format string

// Formats of results.
const (
	Table Format = "table"
	JSON  Format = "json"
	CSV   Format = "csv"

	// Of figures alone: files, which no terminal shows.
	Parquet  Format = "parquet"
	Workbook Format = "xlsx"
)

// IsFile reports whether the format is one of files.
func (f Format) IsFile() bool { return f == Parquet || f == Workbook }

// PrintsFiles is the annotation of commands that print in the formats of files.
const PrintsFiles = "files"

// CheckFormat refuses a format in which a command prints nothing, before it does anything.
func (a *App) CheckFormat(cmd *cobra.Command) error {
	switch {
	case !a.Output.IsFile():
		return nil
	case cmd.Annotations[PrintsFiles] == "":
		return Usagef(cmd, "-o %s is for the figures of weir query; here want table, json or csv", a.Output)
	case term.IsTerminal(a.Stdout):
		return Usagef(cmd, "-o %s is a file, and stdout is a terminal: add > FILE.%s", a.Output, a.Output)
	}
	return nil
}

// String implements pflag.Value.
func (f *Format) String() string { return string(*f) }

// Type implements pflag.Value.
func (f *Format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *Format) Set(text string) error {
	switch v := Format(text); v {
	case Table, JSON, CSV, Parquet, Workbook:
		*f = v
		return nil
	}
	return fmt.Errorf("%q is not table, json or csv, nor of figures parquet or xlsx", text)
}

// PrintNamed asks the cluster for the one thing of that id or name and prints it.
func PrintNamed[T any](ctx context.Context, a *App, who KeyOwner, id string, get func(*client.Client, context.Context, string) (T, error), tableOf func([]T) term.Table) error {
	return a.With(who, func(c *client.Client) error {
		one, err := get(c, ctx, id)
		if err != nil {
			return err
		}
		return a.PrintOne(one, tableOf([]T{one}))
	})
}

// PrintRow prints one row of names and texts in turn, which as JSON is an object.
func (a *App) PrintRow(namesAndTexts ...string) error {
	document := map[string]string{}
	for pair := range slices.Chunk(namesAndTexts, 2) {
		document[pair[0]] = pair[1]
	}
	return a.PrintRowOf(document, namesAndTexts...)
}

// PrintRowOf is PrintRow with another document as JSON.
func (a *App) PrintRowOf(document any, namesAndTexts ...string) error {
	var s term.Table
	var row []string
	for pair := range slices.Chunk(namesAndTexts, 2) {
		s.Head, row = append(s.Head, pair[0]), append(row, pair[1])
	}
	s.Add(row...)
	return a.Print(document, s)
}

// Print writes document as JSON, or the table in the other formats. A table is for people,
// who get the beginnings of ids.
func (a *App) Print(document any, s term.Table) error {
	switch a.Output {
	case JSON:
		return a.PrintJSON(document)
	case CSV:
		return writeCSV(a.Stdout, s)
	default:
		return a.writeTable(s)
	}
}

// PrintOne is Print for a table of one row, which a table shows a line a column:
// there are too many to read in a row.
func (a *App) PrintOne(document any, s term.Table) error {
	if a.Output == JSON || a.Output == CSV || len(s.Rows) != 1 {
		return a.Print(document, s)
	}
	one := term.Table{Head: []string{"what", "value"}}
	for i, name := range s.Head {
		if s.Rows[0][i] != "" {
			one.Add(name, s.Rows[0][i])
		}
	}
	return a.Print(document, one)
}

func writeCSV(w io.Writer, s term.Table) error {
	if err := csv.NewWriter(w).WriteAll(s.Map(shown.Text).Lines()); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// PrintLines prints sentences in the width of the terminal, with the beginnings of ids.
func (a *App) PrintLines(lines []string) error {
	columns := term.Columns(a.Stdout)
	for _, line := range ShortenIDs(lines...) {
		if _, err := io.WriteString(a.Stdout, term.Paragraph(line, "", columns)); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	}
	return nil
}

// writeTable writes a table for a person, with the beginnings of ids, in the width of the
// terminal.
func (a *App) writeTable(t term.Table) error {
	columns := term.Columns(a.Stdout)
	t, leftOut := t.Map(shortening(slices.Concat(t.Lines()...))).Fit(columns)
	if len(leftOut) > 0 {
		a.Note("%s did not fit into the terminal; -o csv has all", english.Plural(len(leftOut), "column", "columns"))
	}
	return t.Write(a.Stdout, columns)
}

// YesNo says whether something is so.
func YesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// FormatBytes says a number of bytes.
func FormatBytes(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

// FormatTime prints a time of the ledger as RFC 3339 has it, in UTC.
func FormatTime(unixMilli int64) string {
	if unixMilli == 0 {
		return ""
	}
	return time.UnixMilli(unixMilli).UTC().Format(time.RFC3339)
}

// OpenFile is a file on this machine.
func OpenFile(path string) panel.File {
	path = filepath.Clean(path)
	return panel.File{Name: path, Open: func() (io.ReadCloser, error) { return os.Open(path) }} //nolint:gosec // the user's own file
}

// WriteEvidence writes a receipt or checkpoint to a file, for anybody to read.
func WriteEvidence(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil { //nolint:gosec // meant to be handed on
		return fmt.Errorf("write the evidence: %w", err)
	}
	return nil
}
