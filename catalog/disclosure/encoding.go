package disclosure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/weirdata/weir/catalog/calendar"
)

const settledFormat = 1

// Encode is what a version settled in bytes, the same for equal ones: a format
// byte, version, entities, classes, the first closed period and how many, the
// columns; then the distinct partitions and the distinct sets of news in the
// order in which sources first have them, and for each source the numbers of its
// two.
func (s *Settled) Encode() []byte {
	b := []byte{settledFormat}
	b = appendUint(b, s.Version, s.Entities, s.Classes)
	b = binary.AppendVarint(b, s.Closed.From)
	b = appendUint(b, s.Closed.To-s.Closed.From)
	b = appendUint(b, len(s.Columns))
	for _, c := range s.Columns {
		b = appendText(appendText(b, c.Measure), c.With)
	}
	partitions, news := newDictionary(), newDictionary()
	var pairs []byte
	seen := map[*partition]int{}
	for _, source := range s.sources {
		at, known := seen[source.partition]
		if !known {
			at = partitions.add(appendPartition(nil, source.partition))
			seen[source.partition] = at
		}
		pairs = appendUint(pairs, at)
		pairs = appendUint(pairs, news.add(appendSet(nil, source.news, s.Entities)))
	}
	b = news.append(partitions.append(b))
	return append(b, pairs...)
}

// dictionary numbers distinct strings of bytes.
type dictionary struct {
	number map[string]int // looked up only
	list   [][]byte
}

func newDictionary() *dictionary { return &dictionary{number: map[string]int{}} }

func (d *dictionary) add(b []byte) int {
	at, known := d.number[string(b)]
	if !known {
		at = len(d.list)
		d.number[string(b)] = at
		d.list = append(d.list, b)
	}
	return at
}

func (d *dictionary) append(b []byte) []byte {
	b = appendUint(b, len(d.list))
	for _, entry := range d.list {
		b = append(b, entry...)
	}
	return b
}

// appendPartition writes the classes that are units by themselves, those for
// which a version is chosen, by version, and the units of several classes.
func appendPartition(b []byte, p *partition) []byte {
	n := len(p.at)
	by := map[int32]Bits{} // looked up only
	var versions []int32   // chosen, ascending
	for c, at := range p.at {
		if at != unitAlone && at >= unitNone {
			continue
		}
		set, known := by[at]
		if !known && at < unitNone {
			versions = append(versions, -1-at)
		}
		by[at] = set.Set(c)
	}
	slices.Sort(versions)
	b = appendSet(b, by[unitAlone], n)
	b = appendUint(b, len(versions))
	for _, v := range versions {
		b = appendSet(appendUint(b, v), by[-1-v], n)
	}
	b = appendUint(b, len(p.joined))
	for _, unit := range p.joined {
		var set Bits
		for _, c := range unit {
			set = set.Set(int(c))
		}
		b = appendSet(b, set, n)
	}
	return b
}

// ParseSettled reads what Encode wrote. It is strict: any other bytes are an
// error.
func ParseSettled(data []byte) (*Settled, error) {
	r := &reader{rest: data, room: 64*len(data) + 1<<24}
	if f := r.byte(); f != settledFormat {
		return nil, fmt.Errorf("settled version of format %d, this program reads %d", f, settledFormat)
	}
	s := &Settled{Version: r.uint(math.MaxInt32 - 1), Entities: r.uint(maxEntities), Classes: r.uint(maxEntities)}
	s.Closed.From = r.int()
	periods := r.count()
	s.Closed = calendar.Interval{From: s.Closed.From, To: s.Closed.From + int64(periods)}
	for range r.count() {
		s.Columns = append(s.Columns, Column{Measure: r.text(), With: r.text()})
	}
	var partitions []*partition
	for range r.count() {
		if partitions = append(partitions, r.partition(s.Classes, s.Version)); r.err != nil {
			break
		}
	}
	var news []Bits
	for range r.count() {
		if news = append(news, r.set(s.Entities)); r.err != nil {
			break
		}
	}
	for range periods * len(s.Columns) {
		p, n := r.uint(max(len(partitions)-1, 0)), r.uint(max(len(news)-1, 0))
		if r.err != nil || p >= len(partitions) || n >= len(news) {
			r.fail("a source without units or news")
			break
		}
		s.sources = append(s.sources, &Source{partitions[p], news[n]})
	}
	if err := r.done(); err != nil {
		return nil, fmt.Errorf("settled version: %w", err)
	}
	if s.Version < 1 || s.Closed.To < s.Closed.From || !bytes.Equal(s.Encode(), data) {
		return nil, errors.New("settled version: not in its canonical form")
	}
	return s, nil
}

// partition reads what appendPartition wrote.
func (r *reader) partition(classes, version int) *partition {
	if r.room -= classes / 2; r.room < 0 {
		r.fail("more classes than so few bytes can have")
		return nil
	}
	p := &partition{at: slices.Repeat([]int32{unitNone}, classes)}
	put := func(set Bits, at int32) {
		set.each(func(c int) {
			if p.at[c] != unitNone {
				r.fail("class %d has two units", c)
			}
			p.at[c] = at
		})
	}
	put(r.set(classes), unitAlone)
	for range r.count() {
		v := r.uint(version)
		if put(r.set(classes), int32(-1-v)); v < 1 || v == version {
			r.fail("version %d is chosen in version %d", v, version)
		}
		if r.err != nil {
			return nil
		}
	}
	for range r.count() {
		set := r.set(classes)
		p.joined = append(p.joined, nil)
		put(set, int32(len(p.joined)))
		set.each(func(c int) { p.joined[len(p.joined)-1] = append(p.joined[len(p.joined)-1], int32(c)) })
		if n := len(p.joined); r.err == nil && (len(p.joined[n-1]) < 2 || n > 1 && p.joined[n-2][0] > p.joined[n-1][0]) {
			r.fail("a joined unit of one class, or units out of order")
		}
		if r.err != nil {
			return nil
		}
	}
	return p
}
