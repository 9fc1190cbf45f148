package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kinds of records, their first byte.
const (
	kindReadings = 1 // of one entity and time
	kindAppended = 2
	kindMark     = 3
	kindForget   = 4
	kindBegin    = 5 // of a file that was written anew: what came before is in it
	kindCell     = 6 // of such a file
	kindPeriods  = 7 // of such a file: those that were appended
)

// errRecord is returned for a record that opens and cannot be read: it is of a later release.
var errRecord = errors.New("a record of the spool is of another release of the program")

// encodeReadings are the records of readings: one for those that follow each other of one
// entity, time and period.
func encodeReadings(readings []Reading) (records [][]byte) {
	for from := 0; from < len(readings); {
		first, to := readings[from], from+1
		for to < len(readings) && readings[to].Entity == first.Entity && readings[to].At == first.At && readings[to].Period == first.Period {
			to++
		}
		b := appendText([]byte{kindReadings}, first.Entity)
		b = binary.AppendVarint(b, first.At)
		b = binary.AppendVarint(b, first.Period)
		b = binary.AppendUvarint(b, uint64(to-from)) //nolint:gosec // not negative
		for _, r := range readings[from:to] {
			b = appendSample(appendText(b, r.Measure), r.sample())
		}
		records = append(records, b)
		from = to
	}
	return records
}

func encodeMark(m Mark) []byte {
	return appendText(appendText([]byte{kindMark}, m.Key), m.Value)
}

func encodeAppended(periods []int64, change uint64) []byte {
	b := binary.AppendUvarint([]byte{kindAppended}, change)
	return appendPeriods(b, periods)
}

func encodeForget(before int64) []byte { return binary.AppendVarint([]byte{kindForget}, before) }

func appendPeriods(b []byte, periods []int64) []byte {
	b = binary.AppendUvarint(b, uint64(len(periods)))
	for _, p := range periods {
		b = binary.AppendVarint(b, p)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendSample writes a sample less its time.
func appendSample(b []byte, x Sample) []byte {
	missing := byte(0)
	if x.Missing {
		missing = 1
	}
	return append(binary.AppendVarint(b, x.Mantissa), x.Decimals, x.Flag, missing)
}

// encodeCell writes a cell of a file that is written anew.
func encodeCell(entity, measure string, period int64, c *cell) []byte {
	dirty := byte(0)
	if c.dirty {
		dirty = 1
	}
	b := appendText(appendText([]byte{kindCell, dirty}, entity), measure)
	b = binary.AppendVarint(b, period)
	b = binary.AppendUvarint(b, c.changed)
	b = binary.AppendUvarint(b, uint64(len(c.samples)))
	at := int64(0)
	for _, x := range c.samples {
		b = appendSample(binary.AppendVarint(b, x.At-at), x)
		at = x.At
	}
	return b
}

// reader reads a record.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errRecord
	}
	r.b = nil
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.past(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.past(n)
	return v
}

// past goes past a number of so many bytes; of none, or fewer, there is no number, which is read as 0.
func (r *reader) past(n int) {
	if n <= 0 {
		r.fail()
		return
	}
	r.b = r.b[n:]
}

// count is a number of things of at least one byte each.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most the length of a record
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) text() string {
	n := r.count()
	text := string(r.b[:n])
	r.b = r.b[n:]
	return text
}

// sample reads a sample less its time.
func (r *reader) sample() Sample {
	return Sample{Mantissa: r.varint(), Decimals: r.byte(), Flag: r.byte(), Missing: r.byte() == 1}
}

func (r *reader) periods() (list []int64) {
	for range r.count() {
		list = append(list, r.varint())
	}
	return list
}

// apply applies a record.
func (s *Spool) apply(b []byte, o *Outcome) error {
	r := &reader{b: b}
	switch kind := r.byte(); kind {
	case kindReadings:
		x := Reading{Entity: r.text(), At: r.varint(), Period: r.varint()}
		for range r.count() {
			x.Measure = r.text()
			v := r.sample()
			x.Mantissa, x.Decimals, x.Flag, x.Missing = v.Mantissa, v.Decimals, v.Flag, v.Missing
			if r.err == nil {
				s.put(x, o)
			}
		}
	case kindAppended:
		change := r.uvarint()
		if periods := r.periods(); r.err == nil {
			s.appendedAt(periods, change)
		}
	case kindMark:
		if key, value := r.text(), r.text(); r.err == nil {
			s.marks[key] = value
		}
	case kindForget:
		if before := r.varint(); r.err == nil {
			s.forget(before)
		}
	case kindBegin:
		if change := r.uvarint(); r.err == nil {
			s.clear()
			s.change = change
		}
	case kindPeriods:
		for _, p := range r.periods() {
			s.appended[p] = true
		}
	case kindCell:
		s.applyCell(r)
	default:
		return fmt.Errorf("%w: kind %d", errRecord, kind)
	}
	return r.err
}

// applyCell applies a cell of a file that was written anew.
func (s *Spool) applyCell(r *reader) {
	dirty := r.byte() == 1
	entity, measure, period := r.text(), r.text(), r.varint()
	changed, n := r.uvarint(), r.count()
	samples := make([]Sample, n)
	at := int64(0)
	for i := range samples {
		at += r.varint()
		samples[i] = r.sample()
		samples[i].At = at
	}
	if r.err != nil {
		return
	}
	c := s.cell(cellKey{period, s.number(entity), s.number(measure)})
	s.samples += n - len(c.samples)
	c.samples, c.changed = samples, changed
	s.periods[period].turn(c, dirty)
}
