package rollup

import (
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/calendar"
)

// Least is how many tiles a rollup has at least: making and checking one takes about as long
// as adding this many tiles.
const Least = 16

// Large is from how many tiles on a rollup is made, and kept, on the way to a larger one that it is part of.
// Smaller ones are made where they serve themselves.
const Large = 128

// MaxEnd is how many additions a sum of consecutive tiles takes at most on either side of the largest
// rollups that serve it: the tiles of a month whose days have fewer than Least, and twice, since a tile may
// reach from one unit into the next, the days of a month, months of a year, years of ten and tens of a hundred.
const MaxEnd = 31*Least + 2*(30+11+9+9)

// Tiles are what one sum is of: tiles of one column and block of a version.
type Tiles struct {
	Manifest catalog.Digest   // of the version
	Column   int              // of the manifest
	Block    int              // likewise
	All      []catalog.Digest // of the column and block, in order: Manifest.Tiles[Column][Block]
	Numbers  []int            // of those that are added up, ascending; nil: all

	Grain   calendar.Grain // of the dataset
	First   int64          // the version's first period, in that grain
	Periods int            // of a tile
}

// Piece is a part of a sum: the tiles From ≤ k < To of the block.
type Piece struct {
	From, To int
	Rollup   bool // they are those of a unit of the calendar; false: a run of tiles that is added up one by one
	depth    int  // of its unit in units
}

// Len is the number of tiles of a piece.
func (p Piece) Len() int { return p.To - p.From }

// Name says, in characters that a file's name can have, of which tiles of the manifest a piece is the sum.
func (t Tiles) Name(p Piece) string {
	return fmt.Sprintf("%d.%d.%d-%d", t.Column, t.Block, p.From, p.To)
}

// Digests are those of a piece's tiles.
func (t Tiles) Digests(p Piece) []catalog.Digest { return t.All[p.From:p.To] }

// Cover cuts the tiles of the sum into pieces, ascending.
func (t Tiles) Cover() (pieces []Piece) {
	if t.Numbers == nil {
		return t.cover(nil, 0, len(t.All), 0)
	}
	for from := 0; from < len(t.Numbers); {
		to := from + 1
		for to < len(t.Numbers) && t.Numbers[to] == t.Numbers[to-1]+1 {
			to++
		}
		pieces = t.cover(pieces, t.Numbers[from], t.Numbers[to-1]+1, 0)
		from = to
	}
	return pieces
}

// Parts are the pieces of which a rollup is made: rollups of the next smaller units, and runs of tiles.
func (t Tiles) Parts(p Piece) []Piece { return t.cover(nil, p.From, p.To, p.depth+1) }

// cover appends the pieces of a stretch, of units from depth on.
func (t Tiles) cover(pieces []Piece, from, to, depth int) []Piece {
	for depth < len(units) && (to-from < Least || !t.Grain.Finer(units[depth].of) || !t.Grain.Groups(units[depth].of)) {
		depth++
	}
	if depth == len(units) {
		return appendRun(pieces, from, to)
	}
	rest := from // not covered yet
	for at := from; at < to; {
		lo, hi, next := t.unit(units[depth], at)
		if lo >= at && hi <= to && hi-lo >= Least {
			if rest < lo {
				pieces = t.cover(pieces, rest, lo, depth+1)
			}
			pieces = append(pieces, Piece{lo, hi, true, depth})
			rest = hi
		}
		at = next
	}
	if rest < to {
		pieces = t.cover(pieces, rest, to, depth+1)
	}
	return pieces
}

// appendRun appends a run of tiles, or makes the last one longer.
func appendRun(pieces []Piece, from, to int) []Piece {
	if last := len(pieces) - 1; last >= 0 && !pieces[last].Rollup && pieces[last].To == from {
		pieces[last].To = to
		return pieces
	}
	if from < to {
		pieces = append(pieces, Piece{From: from, To: to})
	}
	return pieces
}

// unit is a unit of the calendar: years of a number, or one period of another grain.
type unit struct {
	of    calendar.Grain
	years int64 // of a unit of years
}

// units are those of which there are rollups, longest first. Each is made of whole ones of the next.
var units = [...]unit{{calendar.Year, 100}, {calendar.Year, 10}, {calendar.Year, 1}, {calendar.Month, 0}, {calendar.Day, 0}}

// span are the periods of the grain of the unit that has period i.
func (u unit) span(g calendar.Grain, i int64) calendar.Interval {
	at := g.In(i, u.of)
	if u.years <= 1 {
		return u.of.Span(at, g)
	}
	// Years are numbered from 1970 on, which begins ten years and is no first of a hundred.
	year := at + epoch
	year -= year % u.years // years run from 1 on
	first, last := max(year, 1), min(year+u.years-1, 9999)
	return calendar.Interval{From: u.of.Span(first-epoch, g).From, To: u.of.Span(last-epoch, g).To}
}

// epoch is the year with number 0.
const epoch = 1970

// unit are the tiles lo ≤ k < hi of the block that lie in one unit with all their periods: that in which tile at
// begins. The first tile that begins behind the unit is next. The version's last tile may end early; one that would
// reach beyond the unit if it did not is left out.
func (t Tiles) unit(u unit, at int) (lo, hi, next int) {
	per, all := int64(t.Periods), int64(len(t.All))
	span := u.span(t.Grain, t.First+int64(at)*per)
	from, to := span.From-t.First, span.To-t.First
	return int(max(0, ceilDiv(from, per))), int(min(to/per, all)), max(at+1, int(min(ceilDiv(to, per), all)))
}

// ceilDiv is a/b, rounded up; b > 0.
func ceilDiv(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}
