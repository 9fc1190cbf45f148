package main

import (
	"go/scanner"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document finds the document that a file names: from its own directory, from the root,
// or by a base name that one document alone has. It is empty when there is none.
func (r tree) document(from, name string) string {
	var named []string
	for doc := range r.documents {
		if doc == name || doc == path.Join(path.Dir(from), name) {
			return doc
		}
		if path.Base(doc) == name {
			named = append(named, doc)
		}
	}
	if len(named) != 1 {
		return ""
	}
	return named[0]
}

// sections are the numbers of a document's sections: those of headings, and of the
// paragraphs that begin with one in bold.
func sections(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^(?:#+ |\*\*)(\d+(?:\.\d+)*)\.?(?:\*\*)? `).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

var (
	link     = regexp.MustCompile(`\[([^\]]+)\]\(([^)]*)\)`)
	citation = regexp.MustCompile(`([A-Za-z0-9_./-]*\w\.md)\b(?:,? sections? (\d+(?:\.\d+)*(?:(?:, | and | to | or )\d+(?:\.\d+)*)*))?`)
	unnamed  = regexp.MustCompile(`\b(?:([A-Z][A-Z_]{3,})(?:'s)?,? sections? \d|(PROTOCOL|RELEASE|DATA_MODEL|BENCHMARKS)\b(\.md)?)`)
	number   = regexp.MustCompile(`\d+(?:\.\d+)*`)
)

// cited checks what a text says of documents.
func (r tree) cited(t *testing.T, file, text string) {
	t.Helper()
	for _, m := range citation.FindAllStringSubmatch(text, -1) {
		doc := r.document(file, m[1])
		if doc == "" {
			t.Errorf("%s cites %s, which is not in the tree, or several are", file, m[1])
			continue
		}
		there := sections(r.documents[doc])
		for _, n := range number.FindAllString(m[2], -1) {
			if !slices.Contains(there, n) {
				t.Errorf("%s cites section %s of %s, which it does not have", file, n, doc)
			}
		}
	}
	for _, m := range unnamed.FindAllStringSubmatch(text, -1) {
		if m[3] == "" {
			t.Errorf("%s cites %s, which is the name of no document of the tree", file, m[1]+m[2])
		}
	}
}

// comments are the comments of a Go file, those of consecutive lines as one line.
func comments(file, source string) []string {
	var s scanner.Scanner
	set := token.NewFileSet()
	f := set.AddFile(file, set.Base(), len(source))
	s.Init(f, []byte(source), nil, scanner.ScanComments)
	var out []string
	last := -1
	for {
		pos, tok, text := s.Scan()
		switch tok {
		case token.EOF:
			return out
		case token.COMMENT:
			line := f.Line(pos)
			text = strings.Join(strings.Fields(strings.TrimPrefix(text, "//")), " ")
			if last == line-1 {
				out[len(out)-1] += " " + text
			} else {
				out = append(out, text)
			}
			last = line
		}
	}
}

func TestCommentsCiteDocumentsAndSectionsThatExist(t *testing.T) {
	r := readTree(t)
	for _, file := range slices.Sorted(maps.Keys(r.sources)) {
		for _, text := range comments(file, r.sources[file]) {
			r.cited(t, file, text)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.documents)) {
		text := r.documents[file]
		r.cited(t, file, strings.Join(strings.Fields(link.ReplaceAllString(text, "$1")), " "))
	}
}
