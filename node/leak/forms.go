// Package leak knows what secrets look like where they have leaked, and searches for
// them. Tests import it and nothing else does: they plant canaries, gather what was
// sent, logged and stored, and look for every form of every canary in it.
package leak

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Needle is something that must not be found.
type Needle struct {
	Name  string
	Bytes []byte
}

// Forms are the ways in which secret bytes could show: raw, in hexadecimal, in base64 at
// each of the three offsets that it may begin at, as lists of decimal numbers, which is how
// bytes are printed by accident, and quoted, which is what loggers do.
func Forms(name string, secret []byte) (list []Needle) {
	window := secret[:min(len(secret), 48)]
	add := func(form, text string) { list = append(list, Needle{name + form, []byte(text)}) }
	add("", string(window))
	add(" in hexadecimal", hex.EncodeToString(window))
	add(" in upper hexadecimal", strings.ToUpper(hex.EncodeToString(window)))
	// Few characters are found by accident, and so are eight that stand for six digits: in
	// times, and in what is random and written in hexadecimal.
	least := 8
	if strings.Trim(string(window), "0123456789") == "" {
		least = 10
	}
	for behind := range 3 { // so many bytes of other content, whose bits are left out
		padded := append(make([]byte, behind), window...)
		first, end := (8*behind+5)/6, 8*len(padded)/6
		if end-first < least {
			continue
		}
		add(fmt.Sprintf(" in base64 behind %d", behind), base64.StdEncoding.EncodeToString(padded)[first:end])
		add(fmt.Sprintf(" in URL base64 behind %d", behind), base64.URLEncoding.EncodeToString(padded)[first:end])
	}
	decimals := strings.Trim(fmt.Sprintf("%d", window), "[]")
	add(" as numbers", decimals)
	add(" as a list in JSON", strings.ReplaceAll(decimals, " ", ","))
	if quoted := strings.Trim(strconv.Quote(string(window)), `"`); quoted != string(window) {
		add(" quoted", quoted)
	}
	return list
}

// NumberForms are the ways in which a whole number could show: in decimal, and in binary as
// 8 bytes and as few as it takes, in either order, as a varint and as a floating-point
// number; each in all forms of bytes.
func NumberForms(name string, v int64) (list []Needle) {
	add := func(form string, b []byte) {
		if len(b) >= 6 { // fewer are found by accident
			list = append(list, Forms(name+form, b)...)
		}
	}
	add(" in decimal", []byte(strconv.FormatInt(v, 10)))
	u := uint64(v) //nolint:gosec // two's complement is meant
	add(" little endian", binary.LittleEndian.AppendUint64(nil, u))
	add(" big endian", binary.BigEndian.AppendUint64(nil, u))
	add(" as a varint", binary.AppendUvarint(nil, u))
	add(" as a signed varint", binary.AppendVarint(nil, v))
	if v > 0 {
		few := big.NewInt(v).Bytes()
		add(" in few bytes big endian", few)
		slices.Reverse(few)
		add(" in few bytes little endian", few)
	}
	f := math.Float64bits(float64(v))
	add(" as a float, little endian", binary.LittleEndian.AppendUint64(nil, f))
	add(" as a float, big endian", binary.BigEndian.AppendUint64(nil, f))
	return list
}
