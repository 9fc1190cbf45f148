package hj212

import (
	"bytes"
	"crypto/cipher"
	"strconv"
)

// Fault is why something on a connection is no frame. Faults are counted, not returned: the
// sender of half a frame sends it again.
type Fault string

// Faults.
const (
	FaultGarbage  Fault = "garbage"   // bytes that belong to no frame; counted in bytes
	FaultCRC      Fault = "crc"       // the check is another one
	FaultOtherCRC Fault = "crc_other" // the check is right by a reading that is not the declared one
	FaultEnd      Fault = "end"       // no CR LF behind the check
	FaultTooLong  Fault = "too_long"  // a length above 1,024
	FaultHead     Fault = "head"      // the check is right, and the fields are not as the standard has them
	FaultRegion   Fault = "region"    // the data cannot be read
	FaultKey      Fault = "key"       // looks encrypted, and there is no key of the device, or another one
)

// Leniency is what a lenient decoder takes that a strict one does not.
type Leniency string

// Leniencies.
const (
	LenientCRC      Leniency = "crc"       // by another reading than the declared one
	LenientEnd      Leniency = "end"       // CR or LF or both are missing
	LenientLength   Leniency = "length"    // the length is not the number of the segment's bytes
	LenientTooLong  Leniency = "too_long"  // more than 1,024 bytes
	LenientOrder    Leniency = "order"     // fields in another order
	LenientName     Leniency = "name"      // a field's name in other case, or with blanks
	LenientUnknown  Leniency = "unknown"   // a field that the standard does not have
	LenientMissing  Leniency = "missing"   // no QN, ST, PW or Flag
	LenientForm     Leniency = "form"      // a field's value is of another form
	LenientPackets  Leniency = "packets"   // PNUM and PNO do not agree with Flag
	LenientRepeated Leniency = "repeated"  // an item is there twice; the last one counts
	LenientItem     Leniency = "item"      // something in the data is no item, and is passed over
	LenientSplitter Leniency = "separator" // ; and , are exchanged or doubled, or blanks stand around items
)

// Options say how a decoder reads.
type Options struct {
	CRC     CRC // empty: the standard's
	Lenient bool
	// Key is the SM4 key of a device, nil where there is none; nil: of no device.
	Key func(mn string) cipher.Block
}

// Counts are what a decoder met.
type Counts struct {
	Frames    int64
	Faults    map[Fault]int64
	Leniences map[Leniency]int64
}

func newCounts() Counts {
	return Counts{Faults: map[Fault]int64{}, Leniences: map[Leniency]int64{}}
}

// Decoder finds the frames in the bytes of one connection. It is not safe for concurrent use.
type Decoder struct {
	options Options
	buffer  []byte
	looked  int // in the buffer: before it, the frame that begins there does not end
	ends    int // how many ends were tried there
	counts  Counts
	quiet   bool // faults were counted already, or will be
}

// NewDecoder returns a decoder of a new connection.
func NewDecoder(o Options) *Decoder {
	if o.CRC == "" {
		o.CRC = CRCStandard
	}
	return &Decoder{options: o, counts: newCounts()}
}

// Counts are what it met since they were asked for the last time.
func (d *Decoder) Counts() Counts {
	c := d.counts
	d.counts = newCounts()
	return c
}

// Feed takes further bytes and hands on the frames that are whole now.
func (d *Decoder) Feed(p []byte, emit func(Frame)) {
	d.buffer = append(d.buffer, p...)
	d.scan(emit, false)
}

// fault counts what is no frame.
func (d *Decoder) fault(f Fault, n int) {
	if !d.quiet && f != "" {
		d.counts.Faults[f] += int64(n)
	}
}

// Idle says that nothing has come for a while: what looks like the beginning of a frame may be
// garbage that a whole frame stands behind. The beginning itself stays where there is none.
func (d *Decoder) Idle(emit func(Frame)) {
	d.quiet = true
	defer func() { d.quiet = false }()
	for at := 0; at < len(d.buffer); at++ {
		next := bytes.Index(d.buffer[at:], begin)
		if next < 0 {
			return
		}
		at += next
		if f, size := d.at(at, true); size > 0 {
			d.quiet = false
			d.garbage(at)
			d.take(f, size, emit)
			d.scan(emit, false)
			d.quiet, at = true, -1
		}
	}
}

// Close says that nothing comes any more.
func (d *Decoder) Close(emit func(Frame)) {
	d.scan(emit, true)
	d.garbage(len(d.buffer))
}

// begin is how a frame begins.
var begin = []byte("##")

const (
	headSize = 6 // ## and the length
	tailSize = 4 // the check, less CR LF
	// longest is the longest length that can be written.
	longest = 9999
)

// scan hands on what frames there are. last says that no more bytes come.
func (d *Decoder) scan(emit func(Frame), last bool) {
	at := 0
	for {
		next := bytes.Index(d.buffer[at:], begin)
		if next < 0 {
			keep := 0
			if n := len(d.buffer); !last && n > at && d.buffer[n-1] == '#' {
				keep = 1
			}
			d.garbage(len(d.buffer) - keep)
			return
		}
		at += next
		f, size := d.at(at, last)
		switch {
		case size > 0:
			d.garbage(at)
			d.take(f, size, emit)
			at = 0
		case size == wait:
			d.garbage(at)
			return
		default:
			at++ // ### may be a sign too many before a frame
		}
	}
}

// take hands a frame on, and drops its bytes.
func (d *Decoder) take(f *Frame, size int, emit func(Frame)) {
	d.drop(size)
	if f == nil {
		return // a fault, which is counted
	}
	d.counts.Frames++
	for _, l := range f.Lenient {
		d.counts.Leniences[l]++
	}
	emit(*f)
}

// garbage counts and drops the first bytes.
func (d *Decoder) garbage(n int) {
	if n > 0 {
		d.fault(FaultGarbage, n)
		d.drop(n)
	}
}

func (d *Decoder) drop(n int) {
	rest := copy(d.buffer, d.buffer[n:])
	d.buffer, d.looked, d.ends = d.buffer[:rest], 0, 0
}

// What at answers beside the size of a frame.
const (
	none = 0  // there is no frame
	wait = -1 // there may be one
)

// at looks for a frame at a place of the buffer that begins with ##. size is what it takes of
// the buffer, or none or wait; a frame of that size that is nil is one that cannot be read.
func (d *Decoder) at(at int, last bool) (f *Frame, size int) {
	b := d.buffer[at:]
	more := wait
	if last {
		more = none
	}
	for i := 2; i < headSize; i++ {
		if i >= len(b) {
			return nil, more
		}
		if b[i] < '0' || b[i] > '9' {
			return nil, none
		}
	}
	declared, err := strconv.Atoi(string(b[2:headSize]))
	if err != nil {
		return nil, none
	}
	if !d.mayBegin(b[headSize:]) {
		return nil, none
	}
	var lenient []Leniency
	if declared > MaxSegment {
		if !d.options.Lenient {
			d.fault(FaultTooLong, 1)
			return nil, none
		}
		lenient = append(lenient, LenientTooLong)
	}
	f, size, fault := d.ofLength(b, declared, last, lenient)
	if size <= 0 && d.options.Lenient {
		g, n := d.toEnd(at, declared, last)
		if n > 0 {
			return g, n
		}
		if n == wait {
			return nil, wait
		}
	}
	d.fault(fault, 1)
	return f, size
}

// mayBegin reports whether a segment may begin so: strictly with QN, else with a name.
func (d *Decoder) mayBegin(segment []byte) bool {
	if !d.options.Lenient {
		const first = "QN="
		n := min(len(segment), len(first))
		return string(segment[:n]) == first[:n]
	}
	for i, c := range segment {
		switch {
		case i > 8:
			return false
		case c == '=':
			return i > 0
		case c == ' ', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return false
		}
	}
	return true
}

// ofLength is the frame of a declared length, and what is wrong where there is none.
func (d *Decoder) ofLength(b []byte, length int, last bool, lenient []Leniency) (*Frame, int, Fault) {
	more := wait
	if last {
		more = none
	}
	end := headSize + length + tailSize
	if len(b) < end {
		return nil, more, ""
	}
	segment, check := b[headSize:headSize+length], b[headSize+length:end]
	sum, ok := hexOf(check)
	if !ok {
		return nil, none, FaultCRC
	}
	tail := b[end:min(len(b), end+2)]
	if len(tail) < 2 && !last && string(tail) == "\r\n"[:len(tail)] {
		return nil, wait, ""
	}
	if string(tail) != "\r\n" {
		if !d.options.Lenient {
			return nil, none, FaultEnd
		}
		lenient = append(lenient, LenientEnd)
	}
	f, by := d.opened(segment, sum)
	if f == nil {
		return nil, none, d.whyNot(segment, sum)
	}
	size := end
	for size < len(b) && size < end+2 && (b[size] == '\r' || b[size] == '\n') {
		size++
	}
	frame := d.checked(f, by, lenient)
	if frame == nil {
		return nil, size, FaultHead
	}
	return frame, size, ""
}

// toEnd is the frame that ends where its check is right, whatever its length says. The check
// has little memory (its register loses its low byte at every step, so that one of 256
// segments with other bytes before the last ones has the same): what another frame begins in
// is not one frame.
// Its end may be among the bytes that are still to come. What was tried as one is not tried again
// with each byte that comes, and only a few are: each costs as much as the segment is long, and
// the bytes are anybody's.
func (d *Decoder) toEnd(from, declared int, last bool) (*Frame, int) {
	const most = headSize + longest + tailSize + 2
	b := d.buffer[from:]
	limit := min(len(b), most)
	at, tried := headSize, 0
	if from == 0 {
		at, tried = max(at, d.looked), d.ends
	}
	for sure := true; ; {
		next := bytes.Index(b[at:limit], []byte("&&"))
		if next < 0 {
			if last || limit == most || bytes.Contains(b[headSize:limit], begin) {
				return nil, none
			}
			return nil, wait
		}
		at += next + 2
		if bytes.Contains(b[headSize:at], begin) || tried == maxEnds {
			return nil, none
		}
		if sure = sure && at+tailSize+2 <= limit; sure && from == 0 {
			d.looked, d.ends = at, tried
		}
		if at+tailSize+2 > limit || string(b[at+tailSize:at+tailSize+2]) != "\r\n" || at-headSize == declared {
			continue
		}
		sum, ok := hexOf(b[at : at+tailSize])
		if !ok {
			continue
		}
		if tried++; sure && from == 0 {
			d.ends = tried
		}
		if x, by := d.opened(b[headSize:at], sum); x != nil {
			if f := d.checked(x, by, []Leniency{LenientLength}); f != nil {
				return f, at + tailSize + 2
			}
		}
	}
}

// maxEnds is how often a segment may look as if it ended: one in the clear does once, and bytes
// that are encrypted hardly ever do by chance.
const maxEnds = 8

// hexOf reads four hexadecimal digits.
func hexOf(b []byte) (uint16, bool) {
	v, err := strconv.ParseUint(string(b), 16, 16)
	return uint16(v), err == nil && b[0] != '+' && b[0] != '_' //nolint:gosec // 16 bits
}

// whyNot is what is wrong with a segment whose check is not right.
func (d *Decoder) whyNot(segment []byte, sum uint16) Fault {
	for _, r := range Readings {
		if r.Of(segment) == sum {
			return FaultOtherCRC
		}
	}
	if !printable(segment) {
		return FaultKey
	}
	return FaultCRC
}

// printable reports whether a segment has no control characters: text of any encoding has none.
func printable(segment []byte) bool {
	return !bytes.ContainsFunc(segment, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// opening is a segment whose check is right.
type opening struct {
	head      []byte // before CP=&&
	region    []byte // in the clear
	encrypted bool
	broken    bool // it has no region
}

// opened is a segment whose check is right by a reading that counts: in the clear, or
// decrypted under the device's key.
func (d *Decoder) opened(segment []byte, sum uint16) (*opening, CRC) {
	x := &opening{head: segment, broken: true}
	if head, rest, ok := bytes.Cut(segment, []byte("CP=&&")); ok && bytes.HasSuffix(rest, []byte("&&")) {
		x.head, x.region, x.broken = head, rest[:len(rest)-2], false
	}
	readings := Readings
	if !d.options.Lenient {
		readings = []CRC{d.options.CRC}
	}
	var raw, under *opening
	by, ok := rightBy(readings, d.options.CRC, segment, sum)
	if ok {
		raw = &opening{head: bytes.Clone(x.head), region: bytes.Clone(x.region), broken: x.broken}
	}
	if x.broken || d.options.Key == nil || ok && likely(x.region) == parses {
		return raw, by
	}
	key := d.options.Key(fieldOf(x.head, "MN"))
	if key == nil {
		return raw, by
	}
	plain := bytes.Clone(segment)
	region := plain[len(plain)-2-len(x.region) : len(plain)-2]
	cryptBlocks(region, key.Decrypt)
	// Of what was never encrypted, decrypted, the check is right for one of 256, and the other
	// way round: what is more like data is what was sent.
	byKey, ok := rightBy(readings, d.options.CRC, plain, sum)
	if ok && likely(region) > unlikely {
		under = &opening{head: bytes.Clone(x.head), region: region, encrypted: true}
	}
	if under != nil && (raw == nil || likely(region) > likely(x.region)) {
		return under, byKey
	}
	return raw, by
}

// How much bytes are like a region in the clear.
const (
	unlikely = iota
	isText
	parses
)

func likely(region []byte) int {
	if !printable(region) {
		return unlikely
	}
	if _, err := (Frame{Region: region}).Data(false); err != nil {
		return isText
	}
	return parses
}

// rightBy is the reading by which a check is right, the declared one first.
func rightBy(readings []CRC, declared CRC, segment []byte, sum uint16) (CRC, bool) {
	if declared.Of(segment) == sum {
		return declared, true
	}
	for _, r := range readings {
		if r.Of(segment) == sum {
			return r, true
		}
	}
	return "", false
}

// fieldOf is the value of a field of a head.
func fieldOf(head []byte, name string) string {
	for field := range bytes.SplitSeq(head, []byte(";")) {
		if n, v, ok := bytes.Cut(field, []byte("=")); ok && string(bytes.TrimSpace(n)) == name {
			return string(bytes.TrimSpace(v))
		}
	}
	return ""
}

// checked is the frame of a segment whose check is right; nil where its fields cannot be read.
func (d *Decoder) checked(x *opening, by CRC, lenient []Leniency) *Frame {
	if by != d.options.CRC {
		lenient = append(lenient, LenientCRC)
	}
	f := &Frame{Region: x.region, Encrypted: x.encrypted, Lenient: lenient}
	if x.broken || !f.readHead(string(x.head), d.options.Lenient) {
		return nil
	}
	return f
}
