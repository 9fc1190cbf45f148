package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/cmd/weir/term"
)

// wholeID matches ids as they are; people see and type their beginnings.
var wholeID = regexp.MustCompile(`\b[ocqvpk]-[0-9a-f]{64}\b`)

// findIDs returns the whole ids in texts, ascending, each once.
func findIDs(texts []string) []string {
	var ids []string
	for _, text := range texts {
		ids = append(ids, wholeID.FindAllString(text, -1)...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// prefixes returns the beginnings by which ids that are ascending are told apart: of
// catalog.IDDigits digits, or as many more as that takes.
func prefixes(ids []string) map[string]string {
	out := make(map[string]string, len(ids))
	for i, id := range ids {
		n := len("o-") + catalog.IDDigits
		for _, near := range [2]int{i - 1, i + 1} {
			for near >= 0 && near < len(ids) && n < len(id) && strings.HasPrefix(ids[near], id[:n]) {
				n++
			}
		}
		out[id] = id[:n]
	}
	return out
}

// ShortenIDs returns texts with the beginnings of ids in their place.
func ShortenIDs(texts ...string) []string {
	short := prefixes(findIDs(texts))
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = wholeID.ReplaceAllStringFunc(text, func(id string) string { return short[id] })
	}
	return out
}

// shortIDs returns a table with the beginnings of ids.
func shortIDs(t term.Table) term.Table {
	var cells []string
	for _, row := range t.Rows {
		cells = append(cells, row...)
	}
	cells = ShortenIDs(cells...)
	out := term.Table{Head: t.Head, Optional: t.Optional, Rows: make([][]string, len(t.Rows))}
	for i, row := range t.Rows {
		out.Rows[i], cells = cells[:len(row):len(row)], cells[len(row):]
	}
	return out
}
