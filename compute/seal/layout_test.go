package seal

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var updateVectors = flag.Bool("update", false, "write testdata/shares-v1.json anew")

const vectorsFile = "testdata/shares-v1.json"

// vectors are those of LAYOUT.md; bytes are in hexadecimal.
type vectors struct {
	Private  string        `json:"private"`
	Contexts []string      `json:"contexts"`
	Context  string        `json:"context"`
	Plan     string        `json:"plan"`
	Envelope string        `json:"envelope"`
	AAD      string        `json:"aad"`
	Modulus  uint64        `json:"modulus"`
	Shares   []vectorShare `json:"shares"`
	Values   []int64       `json:"values"`
}

type vectorShare struct {
	Sealed string `json:"sealed"`
	Opened string `json:"opened"`
}

// TestASecondImplementationOpensTheVectors does what LAYOUT.md says with the standard library
// alone: nothing of this package is called.
func TestASecondImplementationOpensTheVectors(t *testing.T) {
	if *updateVectors {
		writeVectors(t)
	}
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	unhex := func(text string) []byte {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sum := func(parts ...[]byte) []byte { s := sha256.Sum256(bytes.Join(parts, nil)); return s[:] }
	list := [][]byte{[]byte("weir/share/contexts/1\x00")}
	for _, c := range v.Contexts {
		list = append(list, unhex(c))
	}
	context := sum(list...)
	aad := sum([]byte("weir/share/aad/1\x00"), context, unhex(v.Plan), unhex(v.Envelope))
	if hex.EncodeToString(context) != v.Context || hex.EncodeToString(aad) != v.AAD {
		t.Errorf("context %x, aad %x; the vectors say %s, %s", context, aad, v.Context, v.AAD)
	}
	key, err := hpke.MLKEM768X25519().NewPrivateKey(unhex(v.Private))
	if err != nil {
		t.Fatal(err)
	}
	sums, parity := make([]uint64, len(v.Values)), uint64(0)
	for i, share := range v.Shares {
		sealed := unhex(share.Sealed)
		if sealed[0] != 1 {
			t.Fatalf("share %d is of version %d", i, sealed[0])
		}
		recipient, err := hpke.NewRecipient(sealed[1:1+1120], key, hpke.HKDFSHA256(), hpke.AES256GCM(), []byte("weir/seal/1\x00weir/share"))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := recipient.Open(aad, sealed[1+1120:])
		if err != nil {
			t.Fatalf("share %d: %v", i, err)
		}
		if hex.EncodeToString(plain) != share.Opened || plain[0] != 1 || plain[1] != 1 || len(plain) != 2+8*(len(v.Values)+1) {
			t.Fatalf("share %d opens as %x", i, plain)
		}
		at := func(n int) uint64 { return binary.LittleEndian.Uint64(plain[2+8*n:]) }
		for n := range sums {
			sums[n] = (sums[n] + at(n)) % v.Modulus
		}
		parity = (parity + at(len(sums))) % v.Modulus
	}
	var centred []int64
	for _, s := range sums {
		x := int64(s)
		if s > v.Modulus/2 {
			x -= int64(v.Modulus)
		}
		centred = append(centred, x)
	}
	if parity != 0 || !slices.Equal(centred, v.Values) {
		t.Errorf("they add up to %v with parity %d, want %v and 0", centred, parity, v.Values)
	}
}

// The page has the numbers and texts that the code has.
func TestTheLayoutIsTheCodes(t *testing.T) {
	b, err := os.ReadFile("LAYOUT.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if encapsulatedSize != 1120 || tagSize != 16 || shareVersion != 1 || version != 1 || shareWithParity != 1 || infoPrefix+ShareInfo != "weir/seal/1\x00weir/share" {
		t.Error("the layout changed: LAYOUT.md and the vectors are of another")
	}
	for _, want := range []string{"| 1120 |", "weir/seal/1", "weir/share/aad/1", "weir/share/contexts/1", "0x3ffffffffef8001", "testdata/shares-v1.json"} {
		if !strings.Contains(page, want) {
			t.Errorf("LAYOUT.md does not say %s", want)
		}
	}
}

// writeVectors makes the vectors with this package.
func writeVectors(t *testing.T) {
	t.Helper()
	const modulus = 0x3ffffffffef8001
	digest := func(b byte) [32]byte { return [32]byte(bytes.Repeat([]byte{b}, 32)) }
	contexts, plan, envelope := [][32]byte{digest(1), digest(2)}, digest(3), digest(4)
	context := ContextsDigest(contexts)
	aad := ShareAAD(context, plan, envelope)
	v := vectors{Private: hex.EncodeToString(testKey), Context: hex.EncodeToString(context[:]), Plan: hex.EncodeToString(plan[:]), Envelope: hex.EncodeToString(envelope[:]),
		AAD: hex.EncodeToString(aad), Modulus: modulus, Values: []int64{1500, -7, 0}}
	for _, c := range contexts {
		v.Contexts = append(v.Contexts, hex.EncodeToString(c[:]))
	}
	first, second := []uint64{123456789, 42, modulus - 1}, []uint64{}
	for i, want := range v.Values {
		second = append(second, (modulus+uint64(want)-first[i]%modulus+modulus)%modulus)
	}
	parities := []uint64{99, modulus - 99}
	for i, values := range [][]uint64{first, second} {
		plain := EncodeShare(values, &parities[i])
		sealed, err := Seal(publicOf(t, testKey), []byte(ShareInfo), aad, plain)
		if err != nil {
			t.Fatal(err)
		}
		v.Shares = append(v.Shares, vectorShare{hex.EncodeToString(sealed), hex.EncodeToString(plain)})
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(vectorsFile, append(b, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
