package catalog

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog/calendar"
)

// A verdict on 1,000 classes in 60 periods of 5 columns has some 100,000 numbers. As
// JSON they would take more time and room than all that the verdict follows from, so
// that the lists among them are packed: a format byte, how many elements there are, and
// the numbers of each as varints, as differences where these are smaller. Equal lists
// have equal bytes, and other bytes are refused.

// packFormat begins a packed list.
const packFormat = 1

// Lists of a verdict that its JSON has packed, as base64.
type (
	// PartList is of the parts of a layer.
	PartList []Part
	// GroupList is of groups by index.
	GroupList []GroupIndex
	// CoverageList is what groups cover.
	CoverageList []Coverage
	// ExclusionList is who is left out.
	ExclusionList []Exclusion
)

// MarshalText implements encoding.TextMarshaler.
func (l PartList) MarshalText() ([]byte, error) { return inBase64(packParts(l)), nil }

// MarshalText implements encoding.TextMarshaler.
func (l GroupList) MarshalText() ([]byte, error) { return inBase64(packWithheld(l)), nil }

// MarshalText implements encoding.TextMarshaler.
func (l CoverageList) MarshalText() ([]byte, error) { return inBase64(packCoverage(l)), nil }

// MarshalText implements encoding.TextMarshaler.
func (l ExclusionList) MarshalText() ([]byte, error) { return inBase64(packExclusions(l)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *PartList) UnmarshalText(text []byte) (err error) {
	*l, err = unpackText(text, readPart, packParts)
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *GroupList) UnmarshalText(text []byte) (err error) {
	*l, err = unpackText(text, readWithheld, packWithheld)
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *CoverageList) UnmarshalText(text []byte) (err error) {
	*l, err = unpackText(text, readCoverage, packCoverage)
	return err
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *ExclusionList) UnmarshalText(text []byte) (err error) {
	*l, err = unpackText(text, readExclusion, packExclusions)
	return err
}

func inBase64(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }

// UnmarshalJSON implements json.Unmarshaler. It takes what json.Marshal wrote, also with
// white space, or with <, > and & as they are, and nothing else.
func (v *Verdict) UnmarshalJSON(b []byte) error {
	type plain Verdict // without this method
	var p plain
	if err := DecodeStrict(b, &p); err != nil {
		return fmt.Errorf("verdict: %w", err)
	}
	if !writtenAs(p, b) {
		return errors.New("verdict: not in canonical form")
	}
	for i, l := range p.Layers {
		if n := len(l.Absent); n > 0 && l.Absent[n-1] == 0 {
			return fmt.Errorf("verdict: layer %d: the absent parts end in a zero byte", i)
		}
	}
	*v = Verdict(p)
	return nil
}

// writtenAs reports whether JSON is the one of v: encoding/json reads others as the same.
func writtenAs(v any, b []byte) bool {
	var have, want bytes.Buffer
	if err := json.Compact(&have, b); err != nil {
		return false
	}
	for _, escape := range []bool{true, false} {
		want.Reset()
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(escape)
		if err := e.Encode(v); err != nil {
			return false
		}
		if bytes.Equal(have.Bytes(), bytes.TrimSuffix(want.Bytes(), []byte("\n"))) {
			return true
		}
	}
	return false
}

// packParts writes for each part how far its group and its class are from those before.
func packParts(list []Part) []byte {
	out, last := beginPacked(len(list), 2*len(list)), Part{}
	for _, p := range list {
		out = binary.AppendVarint(out, int64(p.Group-last.Group))
		out = binary.AppendVarint(out, int64(p.Class-last.Class))
		last = p
	}
	return out
}

func readPart(r *packReader, last Part) Part {
	return Part{Group: last.Group + int(r.varint()), Class: last.Class + int(r.varint())}
}

// packWithheld writes for each group how far its entity group is from the one before,
// and its period group.
func packWithheld(list []GroupIndex) []byte {
	out, last := beginPacked(len(list), 2*len(list)), 0
	for _, g := range list {
		out = binary.AppendVarint(out, int64(g.Entity-last))
		out = binary.AppendVarint(out, int64(g.Period))
		last = g.Entity
	}
	return out
}

func readWithheld(r *packReader, last GroupIndex) GroupIndex {
	return GroupIndex{Entity: last.Entity + int(r.varint()), Period: int(r.varint())}
}

// packCoverage writes for each group its entities, how many of them are not included,
// and those held back.
func packCoverage(list []Coverage) []byte {
	out := beginPacked(len(list), 4*len(list))
	for _, c := range list {
		out = binary.AppendVarint(out, int64(c.Of))
		out = binary.AppendVarint(out, int64(c.Of-c.Included))
		out = binary.AppendVarint(out, int64(c.HeldBack))
	}
	return out
}

func readCoverage(r *packReader, _ Coverage) Coverage {
	of := int(r.varint())
	return Coverage{Of: of, Included: of - int(r.varint()), HeldBack: int(r.varint())}
}

// packExclusions writes for each exclusion its column and part, with part −1 the length
// of the bitmap and the bitmap, and how many intervals it has, each as how far it begins
// behind the end of the one before, the first one in the list: that of 0, and how long
// it is.
func packExclusions(list []Exclusion) []byte {
	room := 0
	for _, x := range list {
		room += 12 + len(x.Parts) + 4*len(x.Intervals)
	}
	out, last := beginPacked(len(list), room), int64(0)
	for _, x := range list {
		out = binary.AppendVarint(out, int64(x.Column))
		out = binary.AppendVarint(out, int64(x.Part))
		out = binary.AppendUvarint(out, uint64(len(x.Parts)))
		out = append(out, x.Parts...)
		out = binary.AppendUvarint(out, uint64(len(x.Intervals)))
		for _, i := range x.Intervals {
			out = binary.AppendVarint(out, i.From-last)
			out = binary.AppendVarint(out, i.To-i.From)
			last = i.To
		}
	}
	return out
}

func readExclusion(r *packReader, _ Exclusion) Exclusion {
	x := Exclusion{Column: int(r.varint()), Part: int(r.varint())}
	if n := r.count(1); n > 0 {
		x.Parts, r.rest = bytes.Clone(r.rest[:n]), r.rest[n:]
	}
	at := r.end
	for range r.count(2) {
		from := at + r.varint()
		at = from + r.varint()
		x.Intervals = append(x.Intervals, calendar.Interval{From: from, To: at})
	}
	r.end = at
	return x
}

// beginPacked begins a list of n elements; nil is none.
func beginPacked(n, room int) []byte {
	if n == 0 {
		return nil
	}
	return binary.AppendUvarint(append(make([]byte, 0, room+8), packFormat), uint64(n)) //nolint:gosec // never negative
}

// unpackText reads what inBase64 wrote of what pack wrote.
func unpackText[T any](text []byte, read func(r *packReader, last T) T, pack func([]T) []byte) ([]T, error) {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return nil, fmt.Errorf("packed list: %w", err)
	}
	return unpack(b, read, pack)
}

// unpack reads what pack wrote, element by element. It is strict: any other bytes are an
// error. It takes no more memory than some forty times the length of b.
func unpack[T any](b []byte, read func(r *packReader, last T) T, pack func([]T) []byte) ([]T, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != packFormat {
		return nil, fmt.Errorf("format %d, this program reads %d", b[0], packFormat)
	}
	r := &packReader{rest: b[1:]}
	n := r.count(2)
	out := make([]T, 0, n)
	var last T
	for i := 0; i < n && r.err == nil; i++ {
		last = read(r, last)
		out = append(out, last)
	}
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("after %d elements: %w", max(len(out)-1, 0), r.err)
	case len(r.rest) > 0:
		return nil, fmt.Errorf("%d bytes follow the last element", len(r.rest))
	case !bytes.Equal(pack(out), b):
		return nil, errors.New("not in canonical form")
	}
	return out, nil
}

// packReader reads the numbers of a packed list; after an error all are 0.
type packReader struct {
	rest []byte
	end  int64 // of the interval before
	err  error
}

func (r *packReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return int64(r.take(uint64(v), n)) //nolint:gosec // as it was written
}

// count is a number of things that have at least so many bytes each.
func (r *packReader) count(bytes int) int {
	v, n := binary.Uvarint(r.rest)
	if v = r.take(v, n); v > uint64(len(r.rest)/bytes) { //nolint:gosec // never negative
		r.err, r.rest, v = errors.New("more elements than bytes"), nil, 0
	}
	return int(v) //nolint:gosec // bounded by a length
}

func (r *packReader) take(v uint64, n int) uint64 {
	if n <= 0 {
		r.err, r.rest = errors.New("a number that does not end"), nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
