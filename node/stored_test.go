package node

import (
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
)

// storedKey is a node's part of a key as its vault has it, behind the digest of its JSON.
type storedKey struct {
	Version int    `json:"v"`
	Key     string `json:"key"`
	Epoch   uint64 `json:"epoch"`
	Attempt int    `json:"attempt"`
	Point   int    `json:"point"`
	Share   []byte `json:"share"`
	Pairs   []struct {
		Point int    `json:"point"`
		Seed  []byte `json:"seed"`
	} `json:"pairs"`
	Secret []byte `json:"secret"`
}

func readStoredKey(t testing.TB, b []byte) storedKey {
	t.Helper()
	var k storedKey
	if len(b) < 32 || catalog.Sum(b[32:]) != catalog.Digest(b[:32]) {
		t.Fatal("a stored key does not match its digest")
	}
	if err := strictjson.Decode(b[32:], &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k storedKey) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	d := catalog.Sum(b)
	return append(d[:], b...)
}

// storedParts are the parts of a record that a vault has.
func storedParts(t testing.TB, b []byte) (parts [][]byte) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 4 || uint64(len(b)) < 4+uint64(binary.LittleEndian.Uint32(b)) {
			t.Fatalf("part %d is cut off", len(parts))
		}
		end := 4 + binary.LittleEndian.Uint32(b)
		parts, b = append(parts, b[4:end]), b[end:]
	}
	return parts
}
