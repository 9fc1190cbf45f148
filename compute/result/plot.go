package result

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/suggest"
)

// Sizes of a plot in columns and lines of a terminal.
const (
	narrowestBar = 10
	widestLabel  = 30
	lineHeight   = 12
)

// blocks are the eighths of a column, by which a bar is longer than its whole columns.
var blocks = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// Plot draws every column of figures in so many columns of a terminal: as a line where the
// rows are periods one after the other, else as bars from zero, with the figures beside
// them. NULL has neither bar nor point. What the result lacks is said by Shortfall.
func (t *Table) Plot(w io.Writer, columns int) error {
	var b strings.Builder
	for i, c := range t.Columns {
		if !c.figure() {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(c.heading() + "\n")
		values := t.values(i)
		if t.series() {
			t.line(&b, values, i, columns)
		} else {
			t.bars(&b, values, i, columns)
		}
	}
	b.WriteString(t.privateWords() + t.noiseWords())
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("drawing the result: %w", err)
	}
	return nil
}

// series reports whether the rows are periods one after the other, more than two.
func (t *Table) series() bool {
	dimensions, at := 0, -1
	for i, c := range t.Columns {
		if c.figure() {
			continue
		}
		dimensions++
		if c.Type == TypePeriod {
			at = i
		}
	}
	ascending := func(a, b []any) int { return strings.Compare(a[at].(string), b[at].(string)) }
	return dimensions == 1 && at >= 0 && len(t.Rows) > 2 && slices.IsSortedFunc(t.Rows, ascending)
}

// values are the figures of a column, nil for NULL.
func (t *Table) values(column int) []*big.Rat {
	out := make([]*big.Rat, len(t.Rows))
	for i, row := range t.Rows {
		if row[column] != nil {
			out[i], _ = new(big.Rat).SetString(fmt.Sprint(row[column])) // a decimal, or a count
		}
	}
	return out
}

// labels name the rows by their dimensions.
func (t *Table) labels() []string {
	out := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		var parts []string
		for j, cell := range cellTexts(row, "NULL", shown.Text) {
			if !t.Columns[j].figure() {
				parts = append(parts, cell)
			}
		}
		label := []rune(strings.Join(parts, " "))
		for suggest.TextWidth(string(label)) > widestLabel {
			label = append(label[:len(label)-2], '…')
		}
		out[i] = string(label)
	}
	return out
}

// ends are the least and the greatest of the values and zero.
func ends(values []*big.Rat) (least, most *big.Rat) {
	least, most = new(big.Rat), new(big.Rat)
	for _, v := range values {
		if v != nil && v.Cmp(least) < 0 {
			least = v
		}
		if v != nil && v.Cmp(most) > 0 {
			most = v
		}
	}
	return least, most
}

// scaled is v in so many steps between two ends, rounded to the nearest.
func scaled(v, least, most *big.Rat, steps int) int {
	span := new(big.Rat).Sub(most, least)
	if span.Sign() == 0 {
		return 0
	}
	at := new(big.Rat).Sub(v, least)
	at.Mul(at.Quo(at, span), big.NewRat(int64(steps), 1)).Add(at, big.NewRat(1, 2))
	return int(new(big.Int).Quo(at.Num(), at.Denom()).Int64())
}

// bars draws a bar a row. Bars of negative figures lie to the left of zero.
func (t *Table) bars(b *strings.Builder, values []*big.Rat, column, columns int) {
	labels := t.labels()
	wide, figures := 0, 0
	for i, row := range t.Rows {
		wide = max(wide, suggest.TextWidth(labels[i]))
		figures = max(figures, len(figureText(row[column])))
	}
	room := max(columns-wide-figures-4, narrowestBar)
	least, most := ends(values)
	zero := scaled(new(big.Rat), least, most, 8*room) / 8 // whole columns to the left of zero
	for i, v := range values {
		bar := ""
		switch {
		case v == nil:
		case v.Sign() < 0:
			n := max(zero-scaled(v, least, most, 8*room)/8, 1)
			bar = strings.Repeat(" ", max(zero-n, 0)) + strings.Repeat("█", n)
		default:
			eighths := scaled(v, new(big.Rat), most, 8*(room-zero))
			bar = strings.Repeat(" ", zero) + strings.Repeat("█", eighths/8) + blocks[eighths%8]
		}
		label := labels[i] + strings.Repeat(" ", wide-suggest.TextWidth(labels[i]))
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s  %*s  %s", label, figures, figureText(t.Rows[i][column]), bar), " ") + "\n")
	}
}

func figureText(cell any) string {
	if cell == nil {
		return "NULL"
	}
	return fmt.Sprint(cell)
}

// line draws the points of a series from the first to the last, each with what joins it to
// the point before.
func (t *Table) line(b *strings.Builder, values []*big.Rat, column, columns int) {
	least, most := values[0], values[0]
	first, last := "", ""
	for i, v := range values {
		if v == nil {
			continue
		}
		if least == nil || v.Cmp(least) <= 0 {
			least, first = v, figureText(t.Rows[i][column])
		}
		if most == nil || v.Cmp(most) >= 0 {
			most, last = v, figureText(t.Rows[i][column])
		}
	}
	if least == nil {
		b.WriteString("no figures\n")
		return
	}
	margin := max(len(first), len(last))
	room := max(columns-margin-2, narrowestBar)
	step := max(1, min((room-1)/max(len(values)-1, 1), 6))
	width := min(step*(len(values)-1)+1, room)
	grid := make([][]rune, lineHeight)
	for y := range grid {
		grid[y] = []rune(strings.Repeat(" ", width))
	}
	before := -1
	for i, v := range values {
		if v == nil {
			before = -1
			continue
		}
		x := i * (width - 1) / (len(values) - 1) // of more periods than columns several share one
		y := scaled(v, least, most, lineHeight-1)
		for between := min(before, y) + 1; before >= 0 && between < max(before, y); between++ {
			if grid[lineHeight-1-between][x] == ' ' {
				grid[lineHeight-1-between][x] = '│'
			}
		}
		grid[lineHeight-1-y][x] = '●'
		before = y
	}
	for y, row := range grid {
		mark := ""
		switch y {
		case 0:
			mark = last
		case lineHeight - 1:
			mark = first
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%*s ┤%s", margin, mark, string(row)), " ") + "\n")
	}
	labels := t.labels()
	from, to := labels[0], labels[len(labels)-1]
	gap := max(width-suggest.TextWidth(from)-suggest.TextWidth(to), 1)
	fmt.Fprintf(b, "%*s  %s%s%s\n", margin, "", from, strings.Repeat(" ", gap), to)
}
