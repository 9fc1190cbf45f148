package founding

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
)

func FuzzParseGenesis(f *testing.F) {
	operator := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	g, err := NewGenesis(operator, 1_700_000_000_000, catalog.InitBody{
		Name: "test", Threshold: 2,
		Operator: catalog.PrincipalAdd{Name: "operator", Role: catalog.RoleOperator, Key: operator.Public().(ed25519.PublicKey)},
		Nodes:    []catalog.Node{{ID: "n1", Point: 1, Addr: "127.0.0.1:1", API: "https://127.0.0.1:2"}},
	})
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(g)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add(bytes.Replace(good, []byte(`"v":2`), []byte(`"v":1`), 1))
	f.Add(bytes.Replace(good, []byte(`"v":2`), []byte(`"v":3`), 1))
	f.Add(bytes.Replace(good, []byte(`"v":2`), []byte(`"v":2,"signatures":[{"operator":"p-1","signature":"AA=="}]`), 1))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGenesis(b)
		if err != nil {
			return
		}
		written, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseGenesis(written)
		if err != nil || !cmp.Equal(g, again) || g.Cluster() != again.Cluster() {
			t.Fatalf("%s is read again as %+v (%v)", written, again, err)
		}
		if body, err := g.Body(); err == nil && g.Envelope.Verify(body.Operator.Key) && again.Cluster().IsZero() {
			t.Fatal("a founding without a cluster")
		}
		if body, err := g.Check(); err == nil && g.CheckSigned() == nil && len(SeatsOf(body, body.Operator.Key)) == 0 {
			t.Fatal("a founder without a seat")
		}
	})
}

func FuzzParseCard(f *testing.F) {
	c := testCard(f, "n1", "Bureau", make([]byte, ed25519.PublicKeySize))
	good := c.Marshal()
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(bytes.Replace(good, []byte(`"v": 1`), []byte(`"v": 2`), 1))
	f.Add(bytes.Replace(good, []byte(`"id"`), []byte(`"ID"`), 1))
	f.Add(bytes.Replace(good, []byte(`"n1"`), []byte(`"n1", "id": "n2"`), 1))
	f.Add([]byte(`{"v":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCard(b)
		if err != nil {
			return
		}
		again, err := ParseCard(c.Marshal())
		if err != nil || !cmp.Equal(c, again) || c.Verify() != nil {
			t.Fatalf("%s is read again as %+v (%v)", c.Marshal(), again, err)
		}
	})
}
