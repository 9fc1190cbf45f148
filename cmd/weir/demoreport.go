package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/weirdata/weir/node/demo"
	"github.com/weirdata/weir/seeds"
)

// Widths of the demo's report in columns of a terminal: what it takes where nobody says,
// the narrowestReport it gets, and from where on there is room for names in both languages.
const (
	plainWidth      = 80
	narrowestReport = 60
	bilingualWidth  = 110
)

// reportWidth is how wide a terminal is; elsewhere plainWidth, so that the same run gives
// the same bytes in every file.
func (a *app) reportWidth() int {
	f, ok := a.stdout.(*os.File)
	if !ok {
		return plainWidth
	}
	columns, _, err := term.GetSize(int(f.Fd())) //nolint:gosec // descriptors are small
	if err != nil {
		return plainWidth // no terminal
	}
	return max(columns, narrowestReport)
}

// printReport prints the demo's answers: a block a question with its SQL whole and the
// table behind it, then a table of all with a line each. How long it took is not in it.
func (a *app) printReport(r demo.Report) error {
	switch a.output {
	case outputJSON:
		return a.printJSON(r)
	case outputCSV:
		s := sheet{head: []string{"id", "title", "title_zh", "from", "sql", "exact", "plaintext", "answer", "published", "agree"}}
		for _, x := range r.Answers {
			s.add(x.ID, x.Title.EN, x.Title.ZH, x.Label, strings.Join(x.SQL, "; "), x.Exact, x.Plaintext, x.Answer, x.Published, strconv.FormatBool(x.Agree))
		}
		return writeCSV(a.stdout, s)
	}
	width := a.reportWidth()
	var b strings.Builder
	for _, x := range r.Answers {
		if err := writeAnswer(&b, x, width); err != nil {
			return err
		}
	}
	if err := writeFitted(&b, summary(r, width), width); err != nil {
		return err
	}
	for _, line := range closing(r) {
		b.WriteByte('\n')
		writeWrapped(&b, line, "", width)
	}
	if _, err := fmt.Fprint(a.stdout, b.String()); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// writeAnswer writes one question: titles, SQL, verdict, and the table behind it.
func writeAnswer(b *strings.Builder, x demo.Answer, width int) error {
	if both := x.Title.EN + "  " + x.Title.ZH; textWidth(both) <= width {
		b.WriteString(both + "\n")
	} else {
		writeWrapped(b, x.Title.EN, "", width)
		writeWrapped(b, x.Title.ZH, "", width)
	}
	for _, sql := range x.SQL {
		writeWrapped(b, sql, "  ", width)
	}
	writeWrapped(b, fmt.Sprintf("%s, published %s: %s", x.Answer, x.Published, verdict(x)), "  ", width)
	from := x.Label
	if x.Exact != x.Answer && !strings.HasPrefix(x.Answer, x.Exact+" ") {
		from += "; exactly " + x.Exact
		if x.Plaintext == x.Exact {
			from += ", as in the plaintext"
		}
	}
	writeWrapped(b, from, "  ", width)
	if x.Note != "" {
		writeWrapped(b, x.Note, "  ", width)
	}
	if x.Detail != nil {
		var table strings.Builder
		if err := writeFitted(&table, sheet{head: x.Detail.Columns, rows: x.Detail.Rows}, width-4); err != nil {
			return err
		}
		for line := range strings.Lines(table.String()) {
			b.WriteString("    " + line)
		}
	}
	b.WriteByte('\n')
	return nil
}

func verdict(x demo.Answer) string {
	if x.Agree {
		return "agrees"
	}
	return "DISAGREES"
}

// origins are the labels in one word each.
var origins = map[seeds.Label]string{
	seeds.Encrypted:     "encrypted",
	seeds.EncryptedPart: "encrypted, part",
	seeds.PublicCount:   "public",
	seeds.CountAndSum:   "public, encrypted",
	seeds.OwnTruth:      "encrypted",
	seeds.PrivateTruth:  "encrypted, private",
	seeds.PolicyRefusal: "policy",
}

// summary is the report with a line a question.
func summary(r demo.Report, width int) sheet {
	s := sheet{head: []string{"what", "answer", "published", "from", ""}}
	for _, x := range r.Answers {
		s.add(x.Title.EN, x.Answer, x.Published, origins[seeds.Label(x.Label)], verdict(x))
	}
	if width < bilingualWidth {
		return s
	}
	s.head = append([]string{"what", "指标"}, s.head[1:]...)
	for i, x := range r.Answers {
		s.rows[i] = append([]string{x.Title.EN, x.Title.ZH}, s.rows[i][1:]...)
	}
	return s
}

// closing says what the comparison shows and what it does not.
func closing(r demo.Report) []string {
	lines := []string{
		"What this shows: the readings are made up. Air, warnings, registries and the limits of water were set so that the published figures come out; " +
			"that they do is no discovery. That they come out of ciphertexts, to the last place of the plaintext and without a node that has seen a reading, is. " +
			"\"plaintext\" means that nothing is published, and the answer is held against the generator's own readings. " +
			"Public counts come from registries and from which cells are present, which are public.",
	}
	if len(r.Unshown) > 0 {
		names := make([]string, 0, len(r.Unshown))
		for _, f := range r.Unshown {
			name := f.Text.EN
			if f.Relation != seeds.Statement {
				name += " (" + f.String() + ")"
			}
			names = append(names, name)
		}
		lines = append(lines, "Published too, and not shown, since no dataset here has them: "+strings.Join(names, "; ")+".")
	}
	return append(lines, fmt.Sprintf("%d of %d answers agree; %s; %s",
		r.Agreeing(), len(r.Answers), published(r), counted(r.Receipts, "receipt verified", "receipts verified")))
}

// published says what a run published.
func published(r demo.Report) string {
	if len(r.Published) == 0 {
		return "nothing to publish, all data were there"
	}
	readings, tiles, size := 0, 0, int64(0)
	for _, p := range r.Published {
		readings, tiles, size = readings+p.Readings, tiles+p.Tiles, size+p.Bytes
	}
	return fmt.Sprintf("%d readings published in %d tiles, %d MB encrypted", readings, tiles, size/1_000_000)
}
