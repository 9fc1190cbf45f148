package disclosure

// A set of numbers below n is written in the shortest of these forms, the first
// of equally long ones: a byte for the form, then
//   - gaps, of at most n/2 members: how many, then the distance of each from the
//     one before (from −1), less one;
//   - absent, of more: the same of the numbers that are no members;
//   - runs: how many runs of members, then for each the gap before it and its
//     length less one;
//   - words: ⌈n/8⌉ bytes, bit i%8 of byte i/8 for number i.
const (
	setGaps = iota
	setAbsent
	setRuns
	setWords
)

// appendSet writes a set of numbers below n.
func appendSet(b []byte, set Bits, n int) []byte {
	start := len(b)
	size := set.Count()
	if 2*size <= n {
		b = appendGaps(append(b, setGaps), set, size)
	} else {
		b = appendGaps(append(b, setAbsent), set.absent(n), n-size)
	}
	runs := appendRuns([]byte{setRuns}, set)
	if len(runs) < len(b)-start {
		b = append(b[:start], runs...)
	}
	if 1+(n+7)/8 < len(b)-start {
		b = append(append(b[:start], setWords), set.Bytes(n)...)
	}
	return b
}

func appendGaps(b []byte, set Bits, size int) []byte {
	b = appendUint(b, size)
	last := -1
	set.each(func(e int) {
		b = appendUint(b, e-last-1)
		last = e
	})
	return b
}

func appendRuns(b []byte, set Bits) []byte {
	var runs [][2]int // first, last
	set.each(func(e int) {
		if n := len(runs); n > 0 && runs[n-1][1] == e-1 {
			runs[n-1][1] = e
		} else {
			runs = append(runs, [2]int{e, e})
		}
	})
	b = appendUint(b, len(runs))
	end := 0
	for _, r := range runs {
		b = appendUint(b, r[0]-end, r[1]-r[0])
		end = r[1] + 1
	}
	return b
}

// set reads a set of numbers below n.
func (r *reader) set(n int) Bits {
	if r.room -= (n + 63) / 64; r.room < 0 || r.err != nil {
		r.fail("larger sets than so few bytes can have")
		return nil
	}
	out := make(Bits, (n+63)/64)
	switch form := r.byte(); form {
	case setGaps:
		r.gaps(n, out)
	case setAbsent:
		r.gaps(n, out)
		out = out.absent(n)
	case setRuns:
		at := 0
		for range r.count() {
			at += r.uint(n)
			for end := at + r.uint(n); at <= end && r.err == nil; at++ {
				if at >= n {
					r.fail("a set of numbers below %d has %d", n, at)
					break
				}
				out[at>>6] |= 1 << (at & 63)
			}
		}
	case setWords:
		for i := range (n + 7) / 8 {
			out[i/8] |= uint64(r.byte()) << (i % 8 * 8)
		}
		if !out.below(n) {
			r.fail("a set of numbers below %d has a greater one", n)
		}
	default:
		r.fail("a set of form %d", form)
	}
	if r.err != nil {
		return nil
	}
	return out
}

func (r *reader) gaps(n int, out Bits) {
	at := -1
	for range r.count() {
		at += 1 + r.uint(n)
		if at >= n {
			r.fail("a set of numbers below %d has %d", n, at)
		}
		if r.err != nil {
			return
		}
		out[at>>6] |= 1 << (at & 63)
	}
}
