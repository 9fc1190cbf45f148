package publisher

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/compute/panel"
)

// filesShown is of how many files --check says what they are; the JSON has all.
const filesShown = 4

// separatorNames are separators that cannot be seen.
var separatorNames = map[string]string{"\t": "tabs", ",": "commas", ";": "semicolons"}

// addFiles says what files were taken for, with the first rows of the first one.
func addFiles(s *term.Table, files []panel.FileReport) {
	for i, f := range files {
		if i == filesShown {
			s.Add("file", fmt.Sprintf("and %d more", len(files)-i))
			break
		}
		s.Add("file", describeFile(f))
		if i > 0 {
			continue
		}
		for _, row := range f.Sample {
			s.Add(fmt.Sprintf("row %d", row.Row), describeRow(f.Header, row.Fields))
		}
	}
}

func describeFile(f panel.FileReport) string {
	parts := []string{f.Name + ": " + f.Kind}
	if f.Sheet != "" {
		parts = append(parts, fmt.Sprintf("sheet %q", f.Sheet))
	}
	if f.Encoding != "" {
		parts = append(parts, f.Encoding)
	}
	if name := separatorNames[f.Separator]; name != "" {
		parts = append(parts, name)
	}
	parts = append(parts, english.Plural(f.Rows, "row", "rows"))
	if f.Unkept > 0 {
		parts = append(parts, fmt.Sprintf("%d left out by rows", f.Unkept))
	}
	if f.Filled > 0 {
		parts = append(parts, english.Plural(f.Filled, "merged cell", "merged cells")+" filled from above")
	}
	if f.Converted > 0 {
		parts = append(parts, fmt.Sprintf("%d times of another offset converted", f.Converted))
	}
	if len(f.Others) > 0 {
		var others []string
		for _, name := range slices.Sorted(maps.Keys(f.Others)) {
			others = append(others, fmt.Sprintf("%q (%d)", name, f.Others[name]))
		}
		parts = append(parts, "rows of other parameters passed over: "+strings.Join(others, " "))
	}
	if len(f.Passed) > 0 {
		parts = append(parts, "columns passed over: "+panel.Quoted(f.Passed))
	}
	return strings.Join(parts, ", ")
}

// describeRow is a row as it was read, a long text cut.
func describeRow(header, fields []string) string {
	const most = 12
	var parts []string
	for i, text := range fields {
		if i == most {
			parts = append(parts, "…")
			break
		}
		name := ""
		if i < len(header) {
			name = header[i]
		}
		parts = append(parts, fmt.Sprintf("%.30s=%.40s", name, text))
	}
	return strings.Join(parts, " ")
}

// describeCounts says what became of readings that are no plain numbers; empty: there are
// none.
func describeCounts(c panel.Counts) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(c.Missing, "missing by a mark")
	add(c.Invalid, "invalid by a flag")
	add(c.Censored, "within a limit, stood for by a number")
	add(c.Dropped, "within a limit or with a sign, dropped")
	add(c.Qualified, "kept with a sign behind them")
	add(c.Rounded, "rounded, half to even")
	add(c.Clipped, "above their entity's cap, stood for by it")
	return strings.Join(parts, ", ")
}
