package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
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
	out := slices.Clone(texts)
	for i, shorten := 0, shortening(texts); i < len(out); i++ {
		out[i] = shorten(out[i])
	}
	return out
}

// shortening puts the beginnings by which the ids in all of the texts are told apart into
// one of them.
func shortening(texts []string) func(text string) string {
	short := prefixes(findIDs(texts))
	return func(text string) string {
		return wholeID.ReplaceAllStringFunc(text, func(id string) string { return short[id] })
	}
}
