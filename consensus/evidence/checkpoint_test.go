package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

var (
	testOrigin = Origin(strings.Repeat("ab", 32))
	testTime   = time.Unix(1_790_000_000, 0)
)

// signers are n nodes with fixed keys.
func signers(n int) (keys []ed25519.PrivateKey, trust Trust) {
	trust = Trust{Origin: testOrigin, Threshold: n/2 + 1}
	for i := range n {
		seed := sha256.Sum256([]byte{byte(i)})
		key := ed25519.NewKeyFromSeed(seed[:])
		keys = append(keys, key)
		trust.Nodes = append(trust.Nodes, Node{ID: fmt.Sprintf("n%d", i+1), Key: key.Public().(ed25519.PublicKey)})
	}
	return keys, trust
}

// signWith has the nodes of these numbers sign.
func signWith(tb testing.TB, keys []ed25519.PrivateKey, c Checkpoint, nodes ...int) []byte {
	tb.Helper()
	var lines [][]byte
	for _, i := range nodes {
		l, err := SignCheckpoint(keys[i], fmt.Sprintf("n%d", i+1), c, testTime)
		if err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, l)
	}
	return Assemble(c, lines...)
}

// TestCheckpointsAreC2SP holds the text against the specification, and the
// signature lines against its definition and against a stock verifier.
func TestCheckpointsAreC2SP(t *testing.T) {
	keys, trust := signers(1)
	root := Hash(sha256.Sum256([]byte("root")))
	c := Checkpoint{Origin: testOrigin, Size: 20852163, Root: root}
	text := testOrigin + "\n20852163\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	if c.Text() != text {
		t.Fatalf("text %q, want %q", c.Text(), text)
	}
	signed := signWith(t, keys, c, 0)
	name := testOrigin + "/n1"
	vkey, err := note.NewEd25519VerifierKey(name, trust.Nodes[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	stock, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(stock))
	if err != nil || n.Text != text || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 1 {
		t.Fatalf("a stock verifier says %+v, %v", n, err)
	}
	// The cosignature, from c2sp.org/tlog-cosignature word by word.
	cosignature, err := base64.StdEncoding.DecodeString(n.UnverifiedSigs[0].Base64)
	if err != nil || len(cosignature) != 4+8+64 {
		t.Fatalf("a cosignature of %d bytes, %v", len(cosignature), err)
	}
	id := sha256.Sum256(append([]byte(name+"\n\x04"), trust.Nodes[0].Key...))
	if !bytes.Equal(cosignature[:4], id[:4]) {
		t.Errorf("key id %x, want %x", cosignature[:4], id[:4])
	}
	if at := binary.BigEndian.Uint64(cosignature[4:]); at != uint64(testTime.Unix()) {
		t.Errorf("time %d", at)
	}
	if !ed25519.Verify(trust.Nodes[0].Key, []byte("cosignature/v1\ntime 1790000000\n"+text), cosignature[12:]) {
		t.Error("the cosignature is not over header, time and text")
	}
}

func TestCheckpointWithFewerThanThresholdIsRefused(t *testing.T) {
	keys, trust := signers(3)
	c := Checkpoint{Origin: testOrigin, Size: 9, Root: Hash{1}}
	signed, err := trust.Open(signWith(t, keys, c, 0, 2), 2)
	if err != nil || signed.Checkpoint != c {
		t.Fatalf("%+v, %v", signed, err)
	}
	if want := []Voice{{"n1", testTime.Unix()}, {"n3", testTime.Unix()}}; !slices.Equal(signed.Voices, want) {
		t.Errorf("voices %v, want %v", signed.Voices, want)
	}
	strangers, _ := signers(5)
	lines := func(note []byte) []byte { return note[len(c.Text())+1:] }
	one := signWith(t, keys, c, 1)
	plain, cosignature, _ := bytes.Cut(lines(one), []byte("\n"))
	for name, bad := range map[string][]byte{
		"one of two":                    one,
		"one twice":                     append(slices.Clone(one), lines(one)...),
		"one and a stranger":            append(slices.Clone(one), lines(signWith(t, strangers, c, 4))...),
		"one and another's plain line":  Assemble(c, lines(signWith(t, keys, c, 0)), plain, []byte("\n")),
		"one and another's cosignature": Assemble(c, lines(signWith(t, keys, c, 0)), cosignature),
		"strangers":                     signWith(t, strangers[3:], c, 0, 1),
	} {
		if _, err := trust.Open(bad, 2); !errors.Is(err, ErrThreshold) && !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := trust.Open(append(signWith(t, keys, c, 0, 1), lines(signWith(t, strangers, c, 4))...), 2); err != nil {
		t.Errorf("an unknown signature beside enough known ones: %v", err)
	}
	if _, err := trust.Open(signWith(t, keys, c, 0, 1), 0); !errors.Is(err, ErrThreshold) {
		t.Errorf("a threshold of nothing: %v", err)
	}
}

// What a machine signed that was replaced since is still proof, and a seat has one voice,
// however many of its machines signed.
func TestASeatHasOneVoice(t *testing.T) {
	keys, trust := signers(3)
	seed := sha256.Sum256([]byte("the machine before"))
	former := ed25519.NewKeyFromSeed(seed[:])
	trust.Nodes = append(trust.Nodes, Node{ID: "n3", Key: former.Public().(ed25519.PublicKey)}) //nolint:forcetypeassert // by definition
	c := Checkpoint{Origin: testOrigin, Size: 9, Root: Hash{1}}
	old, err := SignCheckpoint(former, "n3", c, testTime)
	if err != nil {
		t.Fatal(err)
	}
	if signed, err := trust.Open(append(signWith(t, keys, c, 0), old...), 2); err != nil || len(signed.Voices) != 2 {
		t.Errorf("a machine that was replaced: %+v, %v", signed, err)
	}
	if signed, err := trust.Open(append(signWith(t, keys, c, 2), old...), 2); !errors.Is(err, ErrThreshold) {
		t.Errorf("two machines of one seat: %+v, %v", signed, err)
	}
}

func TestForgedCheckpointsAreRefused(t *testing.T) {
	keys, trust := signers(3)
	c := Checkpoint{Origin: testOrigin, Size: 9, Root: Hash{1}}
	good := signWith(t, keys, c, 0, 1)
	other := Checkpoint{Origin: Origin("other"), Size: 9, Root: Hash{1}}
	for name, bad := range map[string][]byte{
		"another size":        bytes.Replace(good, []byte("\n9\n"), []byte("\n8\n"), 1),
		"another root":        append([]byte(Checkpoint{testOrigin, 9, Hash{2}}.Text()), good[len(c.Text()):]...),
		"another log":         append([]byte(other.Text()), good[len(c.Text()):]...),
		"another log, signed": signWith(t, keys, other, 0, 1),
		"an extension line":   bytes.Replace(good, []byte("\n\n"), []byte("\nmore\n\n"), 1),
		"a leading zero":      bytes.Replace(good, []byte("\n9\n"), []byte("\n09\n"), 1),
		"no signature":        []byte(c.Text() + "\n"),
		"nothing":             nil,
		"very long":           bytes.Repeat([]byte("a\n"), MaxNoteBytes),
	} {
		if _, err := trust.Open(bad, 2); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFlippedBitsInEveryByteOfACheckpointAreNoticed(t *testing.T) {
	keys, trust := signers(3)
	good := signWith(t, keys, Checkpoint{Origin: testOrigin, Size: 1234567, Root: Hash{7}}, 0, 1)
	for i := range good {
		for _, bit := range []int{i % 8, 5} {
			bad := slices.Clone(good)
			bad[i] ^= 1 << bit
			if _, err := trust.Open(bad, 2); err == nil {
				t.Fatalf("bit %d of byte %d (%q) is flipped, and nothing is noticed", bit, i, good[i])
			}
		}
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	keys, trust := signers(3)
	c := Checkpoint{Origin: testOrigin, Size: 9, Root: Hash{1}}
	good := signWith(f, keys, c, 0, 1)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("a\n0\n\n\n— a aaaaaaa=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		signed, err := trust.Open(b, 2)
		if err == nil && signed.Checkpoint != c {
			t.Fatalf("nobody signed %+v", signed)
		}
		text, _, _ := strings.Cut(string(b), "\n\n")
		if c, err := ParseCheckpoint(text + "\n"); err == nil && c.Text() != text+"\n" {
			t.Fatalf("%q parses to what is written as %q", text, c.Text())
		}
	})
}
