package node

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/client"
)

// canaries are readings that occur nowhere by accident.
var canaries = []string{"123456.789012", "987654.321098", "555444.333222", "271828.182845"}

const canaryDescriptor = `dataset: canaries
title: {en: Canaries, zh: 金丝雀}
license: CC0-1.0
entity: {column: station, attributes: []}
period: {column: period, grain: day}
missing: [""]
measures:
  - {name: x, column: x, unit: t, range: [0, 1000000], decimals: 6}
policy: {aggregates: [count, sum], public: true}
`

// canaryTable is one canary a station and day, and their sum.
func canaryTable() (csv []byte, sum string) {
	var b bytes.Buffer
	total := new(big.Rat)
	b.WriteString("station,period,x\n")
	for s := range 3 {
		for d, x := range canaries {
			fmt.Fprintf(&b, "s%d,2024-01-%02d,%s\n", s, d+1, x)
			v, _ := new(big.Rat).SetString(x)
			total.Add(total, v)
		}
	}
	return b.Bytes(), total.FloatString(6)
}

// needle is something that must not be found.
type needle struct {
	name  string
	bytes []byte
}

// canaryNeedles are all the forms in which a reading could show.
func canaryNeedles(t *testing.T, params he.Parameters, m catalog.Measure) (list []needle) {
	t.Helper()
	for _, x := range canaries {
		digits := strings.ReplaceAll(x, ".", "")
		raw, ok := new(big.Int).SetString(digits, 10)
		if !ok {
			t.Fatal(digits)
		}
		centred := raw.Int64() - m.Mid()
		modT := centred
		if modT < 0 {
			modT += int64(params.T()) //nolint:gosec // 58 bits
		}
		// Envelopes travel in base64.
		list = append(list, forms(x+" as text", []byte(x))...)
		list = append(list, forms(x+" as digits", []byte(digits))...)
		list = append(list, forms(x+" centred as digits", []byte(fmt.Sprint(centred)))...)
		for form, v := range map[string]int64{"raw": raw.Int64(), "centred": centred, "mod T": modT} {
			u := uint64(v) //nolint:gosec // two's complement is meant
			list = append(list, needle{x + " " + form + " little endian", binary.LittleEndian.AppendUint64(nil, u)},
				needle{x + " " + form + " big endian", binary.BigEndian.AppendUint64(nil, u)})
		}
	}
	return list
}

// forms are the ways in which secret bytes could show: raw, in hexadecimal, and
// in base64 at each of the three offsets that it may begin at.
func forms(name string, secret []byte) (list []needle) {
	window := secret[:min(len(secret), 48)]
	list = append(list, needle{name, window}, needle{name + " in hexadecimal", []byte(hex.EncodeToString(window))})
	for skip := range 3 {
		part := window[skip:]
		text := base64.StdEncoding.EncodeToString(part[:len(part)/3*3])
		list = append(list, needle{fmt.Sprintf("%s in base64 from %d on", name, skip), []byte(text)},
			needle{fmt.Sprintf("%s in URL base64 from %d on", name, skip), []byte(base64.URLEncoding.EncodeToString(part[:len(part)/3*3]))})
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

// haystack is a place that is searched.
type haystack struct {
	name  string
	bytes []byte
}

// search returns what is found where.
func search(places []haystack, needles []needle) (found []string) {
	for _, p := range places {
		for _, n := range needles {
			if bytes.Contains(p.bytes, n.bytes) {
				found = append(found, n.name+" in "+p.name)
			}
		}
	}
	return found
}

// streams joins what was tapped between every two nodes, in order.
func (x *tapped) streams() (list []haystack) {
	at := map[string]int{}
	for _, f := range x.all() {
		name := fmt.Sprintf("%s to %s over %s", f.from, f.to, f.protocol)
		if !f.sent {
			name = fmt.Sprintf("%s to %s over %s, as received", f.to, f.from, f.protocol)
		}
		i, ok := at[name]
		if !ok {
			i = len(list)
			at[name] = i
			list = append(list, haystack{name: name})
		}
		list[i].bytes = append(list[i].bytes, f.bytes...)
	}
	return list
}

// apiTap records what clients send and are sent, heads and bodies.
type apiTap struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (x *apiTap) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.Write(p)
}

func (x *apiTap) all() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.buf.Bytes())
}

// wrap records a handler. A body is written at once when it was read, so that
// bodies of requests at the same time do not cut each other into pieces.
func (x *apiTap) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in, out bytes.Buffer
		fmt.Fprintf(&in, "%s %s %v\n", r.Method, r.URL, r.Header)
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &in), r.Body}
		defer func() {
			fmt.Fprintf(&out, "%v\n", w.Header())
			_, _ = x.Write(append(in.Bytes(), out.Bytes()...)) // to memory
		}()
		h.ServeHTTP(&tappedWriter{ResponseWriter: w, out: &out}, r)
	})
}

type tappedWriter struct {
	http.ResponseWriter
	out *bytes.Buffer
}

func (w *tappedWriter) Write(p []byte) (int, error) {
	w.out.Write(p)
	return w.ResponseWriter.Write(p)
}

func (w *tappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// files reads every file below dir.
func files(t *testing.T, dir string) (list []haystack) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		b, err := readSparse(f)
		list = append(list, haystack{"file " + path, b})
		return errors.Join(err, f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 5 {
		t.Fatalf("%s has %d files", dir, len(list))
	}
	return list
}

// readSparse reads a file and cuts what databases reserve: of every 64 kB of
// zeros 64 bytes stay.
func readSparse(r io.Reader) (kept []byte, err error) {
	part, zeros := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(r, part)
		if got := part[:n]; bytes.Equal(got, zeros[:n]) {
			kept = append(kept, zeros[:min(n, 64)]...)
		} else {
			kept = append(kept, got...)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return kept, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Readings, key shares, seeds and secrets are nowhere: not in what nodes send
// each other, not in what clients send and are sent, not in any file of any
// node, not in any log. A search that finds nothing proves something only if it
// would find what is there, so every kind of place is then planted with one.
func TestNoReadingAndNoSecretIsInAnyConnectionFileOrLog(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	peers, clients, logs := &tapped{}, &apiTap{}, &apiTap{}
	logger := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := newCluster(t, 3, 2, func(o *Options) { o.Tap, o.WrapAPI, o.Logger = peers.of(o.ID), clients.wrap, logger })
	bureau := c.publisher(ctx, "bureau")
	ready, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	secrets, pairs := c.secretNeedles(t, ready.Record)
	ceremony := len(peers.all())

	csv, sum := canaryTable()
	p := prepareText(ctx, t, canaryDescriptor, csv, nil)
	if _, err := bureau.PublishDataset(ctx, p, nil); err != nil {
		t.Fatal(err)
	}
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	contract(ctx, t, buyer, bureau, "canaries")
	// Four times, so that several sets and roots take part, and a repeat, which is
	// answered from what they keep.
	for n := range 5 {
		got := queryRows(ctx, t, buyer, fmt.Sprintf(`SELECT SUM(x), COUNT(x) FROM canaries WHERE station > '!%d'`, n%4))
		if want := [][]string{{sum, fmt.Sprint(3 * len(canaries))}}; !cmp.Equal(want, got) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	c.await(ctx, "all nodes to hold the version", func() bool { return len(c.version(t, "n1", "canaries", 1).Acks) == 3 })

	needles := append(canaryNeedles(t, c.nodes["n1"].params, p.Source.Descriptor.Measures[0]), secrets...)
	var seeds []needle
	for _, forms := range pairs {
		seeds = append(seeds, forms...)
	}
	for _, found := range search(peers.streams(), needles) {
		t.Error(found)
	}
	// A seed travels once, from the one of the pair that drew it to the other.
	all := peers.all()
	for pair, forms := range pairs {
		handed := false
		for _, s := range (&tapped{frames: all[:ceremony]}).streams() {
			found := search([]haystack{s}, forms)
			own := strings.HasPrefix(s.name, fmt.Sprintf("%s to %s over weir-peer", pair[0], pair[1]))
			if len(found) > 0 && !own {
				t.Error(found)
			}
			handed = handed || len(found) > 0
		}
		if !handed {
			t.Errorf("the seed of %v is not even where it must travel: the search finds nothing", pair)
		}
	}
	for _, found := range search((&tapped{frames: all[ceremony:]}).streams(), seeds) {
		t.Errorf("after the ceremony: %s", found)
	}
	elsewhere := append(slices.Clone(needles), seeds...)
	for _, found := range search([]haystack{{"what clients send and get", clients.all()}, {"a log", logs.all()}}, elsewhere) {
		t.Error(found)
	}

	c.plantInTraffic(ctx, t, buyer)
	logger.Debug("planted", "reading", canaries[2])
	mustFind(t, peers.streams(), needles, canaries[0]+" raw little endian")
	mustFind(t, []haystack{{"what clients send", clients.all()}}, elsewhere, canaries[1]+" as text")
	mustFind(t, []haystack{{"what clients send", clients.all()}}, elsewhere, canaries[3]+" as text in URL base64 from 2 on")
	mustFind(t, []haystack{{"a log", logs.all()}}, elsewhere, canaries[2]+" as text")

	for _, m := range c.body.Nodes {
		c.close(m.ID)
		found := search(files(t, c.nodeDir(m.ID)), elsewhere)
		for _, f := range found {
			t.Error(f)
		}
		planted := []needle{needles[0], seeds[0], secrets[0]}
		for i, n := range planted {
			plant := filepath.Join(c.nodeDir(m.ID), dirBlobs, fmt.Sprintf("planted-%d", i))
			if err := os.WriteFile(plant, append([]byte("before"), n.bytes...), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		places := files(t, c.nodeDir(m.ID))
		for _, n := range planted {
			mustFind(t, places, planted, n.name)
		}
	}
}

// plantInTraffic sends a reading to a node as a node and as a client.
func (c *cluster) plantInTraffic(ctx context.Context, t *testing.T, cl *client.Client) {
	t.Helper()
	digits := strings.ReplaceAll(canaries[0], ".", "")
	raw, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		t.Fatal(digits)
	}
	n1 := c.nodes["n1"]
	body := binary.LittleEndian.AppendUint64([]byte(`{"planted":`), raw.Uint64())
	if _, err := n1.peers.Do(ctx, "n2", http.MethodPost, pathPropose, body); err == nil {
		t.Fatal("what is no envelope was proposed")
	}
	for _, id := range []string{canaries[1], base64.URLEncoding.EncodeToString([]byte("?" + canaries[3]))} {
		if _, err := cl.Dataset(ctx, id); err == nil {
			t.Fatal("a reading names a dataset")
		}
	}
}

func mustFind(t *testing.T, places []haystack, needles []needle, name string) {
	t.Helper()
	for _, found := range search(places, needles) {
		if strings.HasPrefix(found, name+" in ") {
			return
		}
	}
	t.Errorf("%s was planted and is not found", name)
}
