package sandbox

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/weirdata/weir/cmd/weir/cli"
	"github.com/weirdata/weir/cmd/weir/term"
	"github.com/weirdata/weir/node/dev/demo"
	"github.com/weirdata/weir/seeds"
)

// Widths of the demo's report in columns of a terminal: what it takes at least, and from
// where on there is room for names in both languages.
const (
	narrowestReport = 60
	bilingualWidth  = 110
)

// reportWidth is how wide a terminal is; elsewhere term.DefaultColumns, so that the same
// run gives the same bytes in every file.
func reportWidth(a *cli.App) int {
	columns := term.Columns(a.Stdout)
	if columns == 0 {
		return term.DefaultColumns
	}
	return max(columns, narrowestReport)
}

// printReport prints the demo's answers: a table with a line each, and with the working a
// block a question with its SQL whole and the table behind it. How long it took is not in it.
func printReport(a *cli.App, r demo.Report, working bool) error {
	if a.Output != cli.Table {
		s := term.Table{Head: []string{"id", "title", "title_zh", "from", "sql", "exact", "plaintext", "answer", "published", "agree"}}
		for _, x := range r.Answers {
			s.Add(x.ID, x.Title.EN, x.Title.ZH, x.Label, strings.Join(x.SQL, "; "), x.Exact, x.Plaintext, x.Answer, x.Published, strconv.FormatBool(x.Agree))
		}
		return a.Print(r, s)
	}
	width := reportWidth(a)
	var b strings.Builder
	if err := summary(r, width).Write(&b, width); err != nil {
		return err
	}
	if working {
		for _, x := range r.Answers {
			b.WriteByte('\n')
			if err := writeAnswer(&b, x, width); err != nil {
				return err
			}
		}
	}
	for _, line := range closingWords(r) {
		b.WriteByte('\n')
		b.WriteString(term.Paragraph(line, "", width))
	}
	if _, err := fmt.Fprint(a.Stdout, b.String()); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// writeAnswer writes one question: titles, SQL, verdict, and the table behind it.
func writeAnswer(b *strings.Builder, x demo.Answer, width int) error {
	if both := x.Title.EN + "  " + x.Title.ZH; term.Width(both) <= width {
		b.WriteString(both + "\n")
	} else {
		b.WriteString(term.Paragraph(x.Title.EN, "", width))
		b.WriteString(term.Paragraph(x.Title.ZH, "", width))
	}
	for _, sql := range x.SQL {
		b.WriteString(term.Paragraph(sql, "  ", width))
	}
	b.WriteString(term.Paragraph(fmt.Sprintf("%s, published %s: %s", x.Answer, x.Published, verdict(x)), "  ", width))
	from := x.Label
	if x.Exact != x.Answer && !strings.HasPrefix(x.Answer, x.Exact+" ") {
		from += "; exactly " + x.Exact
		if x.Plaintext == x.Exact {
			from += ", as in the plaintext"
		}
	}
	b.WriteString(term.Paragraph(from, "  ", width))
	if x.Note != "" {
		b.WriteString(term.Paragraph(x.Note, "  ", width))
	}
	if x.Detail != nil {
		var table strings.Builder
		if err := (term.Table{Head: x.Detail.Columns, Rows: x.Detail.Rows}).Write(&table, width-4); err != nil {
			return err
		}
		for line := range strings.Lines(table.String()) {
			b.WriteString("    " + line)
		}
	}
	return nil
}

func verdict(x demo.Answer) string {
	if x.Agree {
		return "agrees"
	}
	return "DISAGREES"
}

// labelNames are the labels in one word each.
var labelNames = map[seeds.Label]string{
	seeds.Encrypted:     "encrypted",
	seeds.EncryptedPart: "encrypted, part",
	seeds.PublicCount:   "public",
	seeds.CountAndSum:   "public, encrypted",
	seeds.OwnTruth:      "encrypted",
	seeds.PrivateTruth:  "encrypted, private",
	seeds.PolicyRefusal: "policy",
}

// summary is the report with a line a question.
func summary(r demo.Report, width int) term.Table {
	s := term.Table{Head: []string{"what", "answer", "published", "from", ""}}
	for _, x := range r.Answers {
		s.Add(x.Title.EN, x.Answer, x.Published, labelNames[seeds.Label(x.Label)], verdict(x))
	}
	if width < bilingualWidth {
		return s
	}
	s.Head = append([]string{"what", "指标"}, s.Head[1:]...)
	for i, x := range r.Answers {
		s.Rows[i] = append([]string{x.Title.EN, x.Title.ZH}, s.Rows[i][1:]...)
	}
	return s
}

// closingWords says what the comparison shows and what it does not.
func closingWords(r demo.Report) []string {
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
		r.Agreeing(), len(r.Answers), describePublished(r), english.Plural(r.Receipts, "receipt verified", "receipts verified")))
}

// describePublished says what a run published.
func describePublished(r demo.Report) string {
	if len(r.Published) == 0 {
		return "nothing to publish, all data were there"
	}
	readings, tiles, size := 0, 0, int64(0)
	for _, p := range r.Published {
		readings, tiles, size = readings+p.Readings, tiles+p.Tiles, size+p.Bytes
	}
	return fmt.Sprintf("%d readings published in %d tiles, %d MB encrypted", readings, tiles, size/1_000_000)
}
