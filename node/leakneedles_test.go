package node

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
)

// needle is something that must not be found.
type needle struct {
	name  string
	bytes []byte
}

// forms are the ways in which secret bytes could show: raw, in hexadecimal, in base64 at
// each of the three offsets that it may begin at, as lists of decimal numbers, which is how
// bytes are printed by accident, and quoted, which is what loggers do.
func forms(name string, secret []byte) (list []needle) {
	window := secret[:min(len(secret), 48)]
	add := func(form, text string) { list = append(list, needle{name + form, []byte(text)}) }
	add("", string(window))
	add(" in hexadecimal", hex.EncodeToString(window))
	add(" in upper hexadecimal", strings.ToUpper(hex.EncodeToString(window)))
	for skip := range 3 {
		part := window[skip:]
		if part = part[:len(part)/3*3]; len(part) < 6 {
			continue // four characters are found by accident
		}
		add(fmt.Sprintf(" in base64 from %d on", skip), base64.StdEncoding.EncodeToString(part))
		add(fmt.Sprintf(" in URL base64 from %d on", skip), base64.URLEncoding.EncodeToString(part))
	}
	decimals := strings.Trim(fmt.Sprintf("%d", window), "[]")
	add(" as numbers", decimals)
	add(" as a list in JSON", strings.ReplaceAll(decimals, " ", ","))
	if quoted := strings.Trim(strconv.Quote(string(window)), `"`); quoted != string(window) {
		add(" quoted", quoted)
	}
	return list
}

// numberForms are the ways in which a whole number could show: in decimal, and in binary as
// 8 bytes and as few as it takes, in either order, as a varint and as a floating-point
// number; each in all forms of bytes.
func numberForms(name string, v int64) (list []needle) {
	add := func(form string, b []byte) {
		if len(b) >= 6 { // fewer are found by accident
			list = append(list, forms(name+form, b)...)
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
		for i, j := 0, len(few)-1; i < j; i, j = i+1, j-1 {
			few[i], few[j] = few[j], few[i]
		}
		add(" in few bytes little endian", few)
	}
	f := math.Float64bits(float64(v))
	add(" as a float, little endian", binary.LittleEndian.AppendUint64(nil, f))
	add(" as a float, big endian", binary.BigEndian.AppendUint64(nil, f))
	return list
}

// readingNeedles are all the forms in which a reading, or a sum of count of them, could
// show: as it was written, and as the number that is encrypted, raw, centred, and modulo T.
func readingNeedles(t *testing.T, params he.Parameters, m catalog.Measure, text string, count int64) (list []needle) {
	t.Helper()
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	list = forms(text+" as text", []byte(text))
	f, _ := exact.Float64()
	for order, b := range map[string][]byte{
		"little": binary.LittleEndian.AppendUint64(nil, math.Float64bits(f)),
		"big":    binary.BigEndian.AppendUint64(nil, math.Float64bits(f)),
	} {
		list = append(list, forms(text+" as it is, as a float, "+order+" endian", b)...)
	}
	scaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Decimals)), nil)))
	if !scaled.IsInt() || !scaled.Num().IsInt64() {
		t.Fatalf("%s has more than %d decimals", text, m.Decimals)
	}
	raw := scaled.Num().Int64()
	centred := raw - count*m.Mid()
	list = append(list, numberForms(text+" raw", raw)...)
	list = append(list, numberForms(text+" centred", centred)...)
	if centred < 0 {
		list = append(list, numberForms(text+" modulo T", centred+int64(params.T()))...) //nolint:gosec // 58 bits
	}
	return list
}

// secretNeedles reads every node's secrets out of its vault. A pair's seed is
// listed apart: its maker hands it to the other one of the pair.
func (c *cluster) secretNeedles(t *testing.T, key catalog.Key) (secrets []needle, pairs map[[2]string][]needle) {
	t.Helper()
	pairs = map[[2]string][]needle{}
	for _, m := range c.body.Nodes {
		n := c.nodes[m.ID]
		for _, name := range []string{secretIdentity, secretSealing} {
			b, err := n.vault.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, forms(name+" of "+m.ID, b)...)
		}
		secrets = append(secrets, forms("seal key of "+m.ID, bytes.TrimSpace(readFile(t, c.sealKey(m.ID))))...)
		b, err := n.vault.Get(secretKey(key.ID, key.Epoch, key.Attempt))
		if err != nil {
			t.Fatal(err)
		}
		r, err := decodeRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, forms("PRF secret of "+m.ID, r.Secret)...)
		for _, at := range []int{len(r.Share) / 3, len(r.Share) - 96} { // past the header, which is public
			secrets = append(secrets, forms(fmt.Sprintf("key share of %s at byte %d", m.ID, at), r.Share[at:at+48])...)
		}
		for _, p := range r.Pairs {
			if other := c.body.Nodes[p.Point-1].ID; m.ID < other {
				pairs[[2]string{m.ID, other}] = forms("seed of "+m.ID+" and "+other, p.Seed)
			}
		}
	}
	return secrets, pairs
}

// vectorNeedles are a private vector as it is: as the numbers that are shared, as bytes, as
// bits, and as the list of those that are selected.
func vectorNeedles(name string, values []uint64, ids []string) (list []needle) {
	var words, bytes8, bits []byte
	var numbers, indexes, members []string
	for i, v := range values {
		words = binary.LittleEndian.AppendUint64(words, v)
		bytes8 = append(bytes8, byte(v)) //nolint:gosec // small
		if i%8 == 0 {
			bits = append(bits, 0)
		}
		bits[i/8] |= byte(v&1) << (i % 8) //nolint:gosec // a bit
		numbers = append(numbers, fmt.Sprint(v))
		if v != 0 {
			indexes, members = append(indexes, fmt.Sprint(i)), append(members, ids[i])
		}
	}
	whole := func(form string, b []byte) { list = append(list, needle{name + form, b}) }
	whole(" as words", words)
	whole(" as bytes", bytes8)
	if len(bits) >= 6 {
		list = append(list, forms(name+" as bits", bits)...)
	}
	for sep, form := range map[string]string{",": "with commas", " ": "with spaces", `","`: "in quotes", "\n": "in lines", "": "run together"} {
		whole(" as numbers "+form, []byte(strings.Join(numbers, sep)))
		whole(" as a list of entities "+form, []byte(strings.Join(members, sep)))
		if sep != "" {
			whole(" as a list of positions "+form, []byte(strings.Join(indexes, sep)))
		}
	}
	list = append(list, forms(name+" as numbers in base64", []byte(strings.Join(numbers, ",")))...)
	return append(list, forms(name+" as entities in base64", []byte(strings.Join(members, ",")))...)
}
