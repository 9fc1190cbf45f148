package hj212

import (
	"slices"
	"strconv"
	"strings"
)

// headField is a field of a frame's head.
type headField struct {
	name string
	need bool
	form func(string) bool
	set  func(*Frame, string)
}

// headFields are all fields of a head, in their order (HJ 212-2017 table 3; RF is of 2025).
var headFields = []headField{
	{"QN", true, digits(17), func(f *Frame, v string) { f.QN = v }},
	{"ST", true, digits(2), func(f *Frame, v string) { f.ST = v }},
	{"CN", true, digits(4), func(f *Frame, v string) { f.CN = v }},
	{"PW", true, func(v string) bool { return len(v) >= 1 && len(v) <= 6 }, func(f *Frame, v string) { f.PW = v }},
	{"MN", true, isDevice, func(f *Frame, v string) { f.MN = v }},
	{"Flag", true, below(256), func(f *Frame, v string) { f.Flag = number(v) }},
	{"PNUM", false, below(10000), func(f *Frame, v string) { f.Packets = number(v) }},
	{"PNO", false, below(10000), func(f *Frame, v string) { f.Packet = number(v) }},
	{"RF", false, func(v string) bool { return v == "1" }, func(f *Frame, v string) { f.Resent = v == "1" }},
}

// maxFieldLength bounds a value of a head in a lenient reading.
const maxFieldLength = 64

func digits(n int) func(string) bool {
	return func(v string) bool { return len(v) == n && strings.Trim(v, "0123456789") == "" }
}

func below(n int) func(string) bool {
	return func(v string) bool {
		i, err := strconv.Atoi(v)
		return err == nil && i >= 0 && i < n && v[0] != '+'
	}
}

// isDevice is the form of MN: 24 of 0 to 9 and A to F.
func isDevice(v string) bool { return len(v) == 24 && strings.Trim(v, "0123456789ABCDEF") == "" }

func number(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		return 0
	}
	return n
}

// lenient notes a leniency once.
func (f *Frame) lenient(l Leniency) {
	if !slices.Contains(f.Lenient, l) {
		f.Lenient = append(f.Lenient, l)
	}
}

// readHead reads the fields before CP. false: they are not as the standard has them, or as a
// lenient reading can take them.
func (f *Frame) readHead(head string, lenient bool) bool {
	seen := make([]bool, len(headFields))
	last := -1
	rest, ended := strings.CutSuffix(head, ";")
	if !ended && !lenient {
		return false
	}
	for text := range strings.SplitSeq(rest, ";") {
		name, value, ok := strings.Cut(text, "=")
		at := slices.IndexFunc(headFields, func(h headField) bool { return h.name == name })
		if at < 0 || !ok {
			if !lenient {
				return false
			}
			trimmed := strings.TrimSpace(name)
			at = slices.IndexFunc(headFields, func(h headField) bool { return strings.EqualFold(h.name, trimmed) })
			if at < 0 || !ok {
				f.lenient(LenientUnknown)
				continue
			}
			f.lenient(LenientName)
		}
		if seen[at] {
			return false // two devices or two times
		}
		seen[at] = true
		if at < last {
			if !lenient {
				return false
			}
			f.lenient(LenientOrder)
		}
		last = at
		if !f.setField(headFields[at], value, lenient) {
			return false
		}
	}
	for i, h := range headFields {
		if h.need && !seen[i] {
			if !lenient || h.name == "MN" || h.name == "CN" {
				return false
			}
			f.lenient(LenientMissing)
		}
	}
	return f.packetsAgree(seen[6], seen[7], lenient)
}

// setField sets a field that has its form, or in a lenient reading another one.
func (f *Frame) setField(h headField, value string, lenient bool) bool {
	if !h.form(value) {
		trimmed := strings.TrimSpace(value)
		if !lenient || len(trimmed) > maxFieldLength || !printable([]byte(trimmed)) {
			return false
		}
		if h.name == "CN" && !h.form(trimmed) || h.name == "MN" && trimmed == "" {
			return false
		}
		f.lenient(LenientForm)
		value = trimmed
		if (h.name == "PNUM" || h.name == "PNO" || h.name == "Flag") && !h.form(value) {
			return true
		}
	}
	h.set(f, value)
	return true
}

// packetsAgree checks the numbers of packets.
func (f *Frame) packetsAgree(pnum, pno, lenient bool) bool {
	if pnum == pno && pnum == f.HasPackets() && (!pnum || f.Packet >= 1 && f.Packet <= f.Packets) {
		return true
	}
	if !lenient {
		return false
	}
	f.lenient(LenientPackets)
	if f.Packet < 1 || f.Packet > f.Packets {
		f.Packets, f.Packet = 0, 0
	}
	return true
}
