package node

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/mpc"
)

// readingNeedles are all the forms in which a reading, or a sum of count of them, could
// show: as it was written, and as the number that is encrypted, raw, centred, and modulo T.
func readingNeedles(t *testing.T, params he.Parameters, m catalog.Measure, text string, count int64) (list []leak.Needle) {
	t.Helper()
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	list = leak.Forms(text+" as text", []byte(text))
	f, _ := exact.Float64()
	for order, b := range map[string][]byte{
		"little": binary.LittleEndian.AppendUint64(nil, math.Float64bits(f)),
		"big":    binary.BigEndian.AppendUint64(nil, math.Float64bits(f)),
	} {
		list = append(list, leak.Forms(text+" as it is, as a float, "+order+" endian", b)...)
	}
	scaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(m.Decimals)), nil)))
	if !scaled.IsInt() || !scaled.Num().IsInt64() {
		t.Fatalf("%s has more than %d decimals", text, m.Decimals)
	}
	raw := scaled.Num().Int64()
	centred := raw - count*m.Mid()
	list = append(list, leak.NumberForms(text+" raw", raw)...)
	list = append(list, leak.NumberForms(text+" centred", centred)...)
	if centred < 0 {
		list = append(list, leak.NumberForms(text+" modulo T", centred+int64(params.T()))...) //nolint:gosec // 58 bits
	}
	return list
}

// secretNeedles reads every node's secrets out of its vault. A pair's seed is
// listed apart: its maker hands it to the other one of the pair.
func (c *cluster) secretNeedles(t *testing.T, key catalog.Key) (secrets []leak.Needle, pairs map[[2]string][]leak.Needle) {
	t.Helper()
	pairs = map[[2]string][]leak.Needle{}
	for _, m := range c.body.Nodes {
		n := c.nodes[m.ID]
		for _, name := range []string{founding.SecretIdentity, founding.SecretSealing} {
			b, err := n.vault.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, leak.Forms(name+" of "+m.ID, b)...)
		}
		secrets = append(secrets, leak.Forms("seal key of "+m.ID, bytes.TrimSpace(readFile(t, c.sealKey(m.ID))))...)
		b, err := n.vault.Get(mpc.SharingSession(key.Made()))
		if err != nil {
			t.Fatal(err)
		}
		r := readStoredKey(t, b)
		secrets = append(secrets, leak.Forms("PRF secret of "+m.ID, r.Secret)...)
		for _, at := range []int{len(r.Share) / 3, len(r.Share) - 96} { // past the header, which is public
			secrets = append(secrets, leak.Forms(fmt.Sprintf("key share of %s at byte %d", m.ID, at), r.Share[at:at+48])...)
		}
		for _, p := range r.Pairs {
			if other := c.body.Nodes[p.Point-1].ID; m.ID < other {
				pairs[[2]string{m.ID, other}] = leak.Forms("seed of "+m.ID+" and "+other, p.Seed)
			}
		}
	}
	return secrets, pairs
}

// vectorNeedles are a private vector as it is: as the numbers that are shared, as bytes, as
// bits, and as the list of those that are selected.
func vectorNeedles(name string, values []uint64, ids []string) (list []leak.Needle) {
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
	whole := func(form string, b []byte) { list = append(list, leak.Needle{Name: name + form, Bytes: b}) }
	whole(" as words", words)
	whole(" as bytes", bytes8)
	if len(bits) >= 6 {
		list = append(list, leak.Forms(name+" as bits", bits)...)
	}
	for sep, form := range map[string]string{",": "with commas", " ": "with spaces", `","`: "in quotes", "\n": "in lines", "": "run together"} {
		whole(" as numbers "+form, []byte(strings.Join(numbers, sep)))
		whole(" as a list of entities "+form, []byte(strings.Join(members, sep)))
		if sep != "" {
			whole(" as a list of positions "+form, []byte(strings.Join(indexes, sep)))
		}
	}
	list = append(list, leak.Forms(name+" as numbers in base64", []byte(strings.Join(numbers, ",")))...)
	return append(list, leak.Forms(name+" as entities in base64", []byte(strings.Join(members, ",")))...)
}
