package founding

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/vault"
)

// testKey is an institution's operator, or a node.
func testKey(name string) ed25519.PrivateKey {
	seed := catalog.Sum([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testPublic(name string) []byte { return testKey(name).Public().(ed25519.PublicKey) }

// testCard is the card of a node that is not there.
func testCard(t testing.TB, id, institution string, operator []byte) Card {
	t.Helper()
	_, sealing, err := seal.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Card{
		ID: id, Institution: institution, Operator: operator,
		Addr: id + ".example:7301", API: "https://" + id + ".example:7300", Key: testPublic(id), Sealing: sealing,
	}.sign(testKey(id))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// institutionsOfTest are those of a cluster of three, the founder first.
var institutionsOfTest = []string{"Bureau", "Exchange", "Regulator"}

// testBody is a founding without its nodes, by the first institution.
func testBody() catalog.InitBody {
	return catalog.InitBody{Name: "test", Threshold: 2, Operator: catalog.PrincipalAdd{
		Name: institutionsOfTest[0], Role: catalog.RoleOperator, Key: testPublic(institutionsOfTest[0]),
	}}
}

const testTime = 1_700_000_000_000

// testFounding is a founding that its founder alone has signed, and the cards that it was made of.
func testFounding(t testing.TB) (Genesis, []Card) {
	t.Helper()
	var cards []Card
	for i, institution := range institutionsOfTest {
		cards = append(cards, testCard(t, fmt.Sprintf("n%d", i+1), institution, testPublic(institution)))
	}
	g, err := Found(testKey(institutionsOfTest[0]), testTime, testBody(), cards)
	if err != nil {
		t.Fatal(err)
	}
	return g, cards
}

// signedFounding is one that all have signed.
func signedFounding(t testing.TB) (Genesis, []Card) {
	t.Helper()
	g, cards := testFounding(t)
	for _, institution := range institutionsOfTest {
		var err error
		if g, err = g.SignedBy(testKey(institution)); err != nil {
			t.Fatal(err)
		}
	}
	return g, cards
}

// wantError requires an error of a kind that says something.
func wantError(t *testing.T, err, kind error, said string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) || !strings.Contains(err.Error(), said) {
		t.Errorf("%v, want one of %v that says %q", err, kind, said)
	}
}

func TestCardIsReadAsItWasSigned(t *testing.T) {
	c := testCard(t, "n1", "衡水市生态环境局", testPublic("operator"))
	back, err := ParseCard(c.Marshal())
	if diff := cmp.Diff(c, back); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if diff := cmp.Diff(catalog.Node{
		ID: "n1", Point: 3, Institution: c.Institution, Operator: c.Operator, Addr: c.Addr, API: c.API, Key: c.Key, Sealing: c.Sealing,
	}, back.Node(3)); diff != "" {
		t.Error(diff)
	}
}

func TestCardIsRefusedUnlessTheHolderOfItsKeySignedIt(t *testing.T) {
	good := testCard(t, "n1", "Bureau", testPublic("operator"))
	other := testCard(t, "n2", "Bureau", testPublic("operator"))
	for name, change := range map[string]func(*Card){
		"another id":          func(c *Card) { c.ID = "n2" },
		"another institution": func(c *Card) { c.Institution = "Exchange" },
		"another operator":    func(c *Card) { c.Operator = testPublic("other") },
		"another address":     func(c *Card) { c.Addr = "n2.example:7301" },
		"another URL":         func(c *Card) { c.API = "https://n2.example:7300" },
		"another sealing key": func(c *Card) { c.Sealing = other.Sealing },
		"another node's key":  func(c *Card) { c.Key = other.Key },
		"no signature":        func(c *Card) { c.Signature = nil },
		"without the context": func(c *Card) {
			c.Signature = ed25519.Sign(testKey("n1"), bytes.TrimPrefix(c.signedBytes(), []byte(cardContext)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			_, err := ParseCard(c.Marshal())
			wantError(t, err, ErrCardSignature, "n")
		})
	}
}

func TestCardThatNoRosterCanHaveIsRefused(t *testing.T) {
	good := testCard(t, "n1", "Bureau", testPublic("operator"))
	for said, change := range map[string]func(*Card){
		`field id is "N 1", want`:                      func(c *Card) { c.ID = "N 1" },
		`field institution is "a/b", want`:             func(c *Card) { c.Institution = "a/b" },
		`field institution is "", want`:                func(c *Card) { c.Institution = "" },
		"field operator has 31 bytes, want the 32":     func(c *Card) { c.Operator = c.Operator[1:] },
		`field addr is "n1.example", want HOST:PORT`:   func(c *Card) { c.Addr = "n1.example" },
		`field addr is "0.0.0.0:7301", want HOST:PORT`: func(c *Card) { c.Addr = "0.0.0.0:7301" },
		`field addr is ":7301", want HOST:PORT`:        func(c *Card) { c.Addr = ":7301" },
		`field api is "http://n1:7300", want https`:    func(c *Card) { c.API = "http://n1:7300" },
		`field api is "https://n1:7300/x", want https`: func(c *Card) { c.API = "https://n1:7300/x" },
		"field key has 31 bytes, want 32":              func(c *Card) { c.Key = c.Key[1:] },
		"field sealing is no public key":               func(c *Card) { c.Sealing = c.Sealing[1:] },
		"version 2, this program reads version 1":      func(c *Card) { c.Version = 2 },
	} {
		c := good
		change(&c)
		_, err := ParseCard(c.Marshal())
		wantError(t, err, ErrCard, said)
	}
	for _, b := range []string{"", "[]", `{"v":1,"more":2}`, strings.Repeat(" ", maxCard+1)} {
		_, err := ParseCard([]byte(b))
		wantError(t, err, ErrCard, "")
	}
	twice := bytes.Replace(good.Marshal(), []byte(`"id": "n1"`), []byte(`"id": "n1", "id": "n1"`), 1)
	_, err := ParseCard(twice)
	wantError(t, err, ErrCard, "")
}

func TestInitMakesANodeOnceAndKeepsItsCard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	key := SealKey{File: dir + ".seal-key"}
	if err := vault.NewKeyFile(key.File); err != nil {
		t.Fatal(err)
	}
	n := Card{ID: "n1", Institution: "Bureau", Operator: testPublic("operator"), Addr: "n1.example:1", API: "https://n1.example:2"}
	if _, err := OwnCard(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a card before there is a node: %v", err)
	}
	c, err := Init(t.Context(), dir, key, n)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CheckKeys(t.Context(), dir, key); err != nil {
		t.Error(err)
	}
	own, err := OwnCard(dir)
	if diff := cmp.Diff(c, own); err != nil || diff != "" {
		t.Error(err, diff)
	}
	_, err = Init(t.Context(), dir, SealKey{File: "nowhere"}, n)
	wantError(t, err, fs.ErrExist, "holds node n1 of Bureau already, with the key "+Fingerprint(c.Key)+"; print its card with `weir node card --dir ")
	if err := os.Remove(filepath.Join(dir, FileCard)); err != nil {
		t.Fatal(err)
	}
	_, err = Init(t.Context(), dir, key, n)
	wantError(t, err, fs.ErrExist, "holds a node already, whose card is not there")

	stranger := testCard(t, "n1", "Bureau", testPublic("operator"))
	wantError(t, stranger.CheckKeys(t.Context(), dir, key), ErrCard, "another key")
	stranger.Key = c.Key
	wantError(t, stranger.CheckKeys(t.Context(), dir, key), ErrCard, "another sealing key")
}

// A machine that moves has the card of its new addresses signed by the key that it has.
func TestCardOfAMachineThatMovedHasItsKeys(t *testing.T) {
	dir, key := t.TempDir(), SealKey{File: filepath.Join(t.TempDir(), "key")}
	if err := vault.NewKeyFile(key.File); err != nil {
		t.Fatal(err)
	}
	was, err := Init(t.Context(), dir, key, Card{
		ID: "n1", Institution: "Bureau", Operator: testPublic("Bureau"), Addr: "a.example:1", API: "https://a.example:2",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Readdress(t.Context(), dir, key, "nowhere", ""); !errors.Is(err, ErrCard) {
		t.Errorf("an address without a port: %v", err)
	}
	moved, err := Readdress(t.Context(), dir, key, "b.example:1", "")
	if err != nil || moved.Verify() != nil || moved.Addr != "b.example:1" || moved.API != was.API || !bytes.Equal(moved.Key, was.Key) {
		t.Fatalf("card %+v, %v, %v", moved, err, moved.Verify())
	}
	if own, err := OwnCard(dir); err != nil || own.Addr != moved.Addr || own.Verify() != nil {
		t.Errorf("the card in the directory: %+v, %v", own, err)
	}
}

func TestFoundingHasTheCardsInTheirOrder(t *testing.T) {
	g, cards := signedFounding(t)
	body, err := g.Check()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cards {
		if diff := cmp.Diff(c.Node(i+1), body.Nodes[i]); diff != "" {
			t.Error(diff)
		}
		if err := g.CheckMember(c); err != nil {
			t.Error(err)
		}
	}
}

func TestFoundingIsRefusedForItsCards(t *testing.T) {
	founder := testKey(institutionsOfTest[0])
	_, good := testFounding(t)
	changed := good[1]
	changed.Addr = "elsewhere:1"
	misnamed := testCard(t, "n1", "Office", testPublic("Bureau"))
	namesake := testCard(t, "n2", "Bureau", testPublic("Exchange"))
	sameAddr, err := func() (Card, error) { c := good[1]; c.Addr = good[0].Addr; return c.sign(testKey("n2")) }()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, said string
		kind       error
		cards      []Card
	}{
		{"a card that was changed", "card 2: node n2: the card is not signed", ErrCardSignature, []Card{good[0], changed, good[2]}},
		{"a card twice", "cards 1 and 3 are both of a node n1", ErrCard, []Card{good[0], good[1], good[0]}},
		{"a founder without a seat", "no card names the founder, Bureau", ErrNoSeat, good[1:]},
		{"a founder of another name", `calls the institution "Office", and the founder's key "Bureau"`, ErrCard, []Card{misnamed, good[1], good[2]}},
		{"a name of two operators", "no ledger takes the founding", nil, []Card{good[0], namesake, good[2]}},
		{"an address twice", "no ledger takes the founding", nil, []Card{good[0], sameAddr, good[2]}},
		{"one node", "no ledger takes the founding", nil, good[:1]},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Found(founder, testTime, testBody(), c.cards)
			wantError(t, err, c.kind, c.said)
		})
	}
}

func TestFoundingIsReadOnlyWhenAllOperatorsHaveSigned(t *testing.T) {
	g, _ := testFounding(t)
	file := filepath.Join(t.TempDir(), "genesis.json")
	for signers := 1; signers < len(institutionsOfTest); signers++ {
		err := g.CheckSigned()
		var missing *UnsignedError
		if !errors.As(err, &missing) || len(missing.Seats) != len(institutionsOfTest)-signers || missing.Seats[0].Institution != institutionsOfTest[signers] {
			t.Fatalf("after %d signatures: %v", signers, err)
		}
		wantError(t, err, nil, "`weir operator sign GENESIS")
		if err := g.Install(file); !errors.As(err, &missing) {
			t.Errorf("it was installed: %v", err)
		}
		if err := g.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadGenesis(file); !errors.As(err, &missing) {
			t.Errorf("it was read: %v", err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if g, err = g.SignedBy(testKey(institutionsOfTest[signers])); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := g.Install(file); err != nil {
			t.Fatal(err)
		}
	}
	read, err := ReadGenesis(file)
	if diff := cmp.Diff(g, read); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, institution := range institutionsOfTest {
		again, err := g.SignedBy(testKey(institution))
		if diff := cmp.Diff(g, again); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	_, err = g.SignedBy(testKey("stranger"))
	wantError(t, err, ErrNoSeat, "n2's is Exchange")
}

func TestFoundingThatWasChangedAfterSigningIsRefused(t *testing.T) {
	g, cards := signedFounding(t)
	body, err := g.Body()
	if err != nil {
		t.Fatal(err)
	}
	body.Threshold = 3
	other, err := NewGenesis(testKey(institutionsOfTest[0]), testTime, body)
	if err != nil {
		t.Fatal(err)
	}
	for said, change := range map[string]func(*Genesis){
		"the founder's signature, of Bureau": func(g *Genesis) {
			g.Envelope.Payload = bytes.Replace(g.Envelope.Payload, []byte("n2.ex"), []byte("n4.ex"), 1)
		},
		"the signature of Exchange":               func(g *Genesis) { g.Envelope = other.Envelope },
		"the signature of Regulator":              func(g *Genesis) { g.Signatures[1].Signature = g.Signatures[0].Signature },
		"has signed twice":                        func(g *Genesis) { g.Signatures[1] = g.Signatures[0] },
		"has signed and has no seat: n1's is Bur": func(g *Genesis) { g.Signatures[1].Operator = catalog.PrincipalID(testPublic("stranger")) },
	} {
		t.Run(said, func(t *testing.T) {
			changed := g
			changed.Signatures = append([]OperatorSignature(nil), g.Signatures...)
			change(&changed)
			_, err := changed.Check()
			wantError(t, err, ErrFoundingSignature, said)
			wantError(t, changed.CheckSigned(), ErrFoundingSignature, said)
			_, err = changed.SignedBy(testKey("Exchange"))
			wantError(t, err, ErrFoundingSignature, said)
			wantError(t, changed.Install(filepath.Join(t.TempDir(), "genesis.json")), ErrFoundingSignature, said)
		})
	}
	// A founder can make another roster, and has to ask everybody again.
	var missing *UnsignedError
	if err := other.CheckSigned(); !errors.As(err, &missing) || len(missing.Seats) != 2 || other.CheckMember(cards[1]) != nil {
		t.Errorf("another founding: %v", err)
	}
}

func TestNodeTakesOnlyAFoundingThatHasItAsItsCardSays(t *testing.T) {
	g, cards := signedFounding(t)
	for said, change := range map[string]func(*Card){
		"it has no node n9, but n1, n2, n3":               func(c *Card) { c.ID = "n9" },
		"its institution of node n2 is Exchange":          func(c *Card) { c.Institution = "Office" },
		"its operator of node n2 is p-":                   func(c *Card) { c.Operator = testPublic("stranger") },
		"its addr of node n2 is n2.example:7301, the car": func(c *Card) { c.Addr = "n2.example:1" },
		"its api of node n2 is https://n2.example:7300":   func(c *Card) { c.API = "https://n2.example:1" },
		"its key of node n2 is ":                          func(c *Card) { c.Key = testPublic("stranger") },
		"its sealing of node n2 is ":                      func(c *Card) { c.Sealing = cards[0].Sealing },
	} {
		c := cards[1]
		change(&c)
		wantError(t, g.CheckMember(c), ErrMember, said)
	}
}

func TestFoundingOfAnotherClusterIsNotOverwritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "genesis.json")
	there, _ := signedFounding(t)
	if err := there.Install(file); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := signedFounding(t)
	var other *OtherClusterError
	if err := g.Install(file); !errors.As(err, &other) || other.Cluster != there.Cluster() || other.Name != "test" {
		t.Errorf("installed over another cluster's: %v", err)
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed: %v", err)
	}
	if err := os.WriteFile(file, []byte("my notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, g.Install(file), nil, "a file is in the founding's place")
}

// A founding of version 1 has no signatures: it starts nodes where its founder holds all seats.
func TestFoundingOfVersion1IsThatOfOneOperator(t *testing.T) {
	read := func(g Genesis) error {
		g.Version = 1
		file := filepath.Join(t.TempDir(), "genesis.json")
		if err := g.WriteFile(file); err != nil {
			t.Fatal(err)
		}
		_, err := ReadGenesis(file)
		return err
	}
	founder := institutionsOfTest[0]
	g, err := Found(testKey(founder), testTime, testBody(), []Card{testCard(t, "n1", founder, testPublic(founder)), testCard(t, "n2", founder, testPublic(founder))})
	if err != nil {
		t.Fatal(err)
	}
	if err := read(g); err != nil {
		t.Error(err)
	}
	several, _ := testFounding(t)
	wantError(t, read(several), nil, "it is not signed by Exchange")
	signed, _ := signedFounding(t)
	wantError(t, read(signed), nil, "signatures in version 1")
}

// What was written once stays readable.
func TestCardsAndFoundingsThatWereWrittenAreRead(t *testing.T) {
	c, err := ReadCard(filepath.Join("testdata", "card.v1.json"))
	if err != nil || c.ID != "n2" || c.Institution != "Exchange" {
		t.Errorf("card: %+v, %v", c, err)
	}
	g, err := ReadGenesis(filepath.Join("testdata", "genesis.v2.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Check(); err != nil {
		t.Error(err)
	}
	if err := g.CheckMember(c); err != nil {
		t.Error(err)
	}
	if want := "64badeabb78995c397006287d059935b7e9be5c0bbf3ffd76ec0d45a1f6458cf"; g.Cluster().String() != want {
		t.Errorf("cluster %s, want %s", g.Cluster(), want)
	}
}
