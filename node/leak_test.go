package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/leak"
	"github.com/weirdata/weir/node/peer"
)

// Canaries are readings that occur nowhere by accident: of a measure whose sums just fit,
// of one that is small enough to be multiplied, of what it is joined with, and of periods
// that are appended later.
var (
	canaries         = []string{"123456.789012347", "987654.321098763", "555444.333222111", "271828.182845904"}
	appendedCanaries = []string{"314159.265358979", "161803.398874989"}
	smallCanaries    = []string{"31415.927", "27182.819", "41421.357", "17320.509"}
	joinedCanaries   = []string{"22360.681", "14142.137", "26457.513", "44949.743"}
)

const canaryStations = 24

const canaryDescriptor = `dataset: canaries
title: {en: Canaries, zh: 金丝雀}
license: CC0-1.0
entity: {column: station, attributes: [county]}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: x, column: x, unit: t, range: [0, 1000000], decimals: 9}
  - {name: y, column: y, unit: kg, range: [0, 50000], decimals: 3}
policy:
  aggregates: [count, sum, var]
  min_cohort: 2
  cubes: [[county]]
  moments: [[y, y]]
  joins: [others]
  dp: {epsilon_per_query: 1, epsilon_per_contract: 5, epsilon_family: 10, delta: 1e-9}
`

const otherDescriptor = `dataset: others
title: {en: Others, zh: 其他}
license: CC0-1.0
entity: {registry: canaries, column: station}
period: {column: period, grain: day}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: z, column: z, unit: CNY, range: [0, 50000], decimals: 3}
policy: {aggregates: [count, sum], min_cohort: 2, joins: [canaries]}
`

// canaryTable has a row for every station and day; columns[c][day] is the reading of a
// column, the same at all stations.
func canaryTable(head string, first int, columns ...[]string) []byte {
	var b bytes.Buffer
	b.WriteString("station,county,period," + head + "\n")
	for s := range canaryStations {
		for d := range columns[0] {
			fmt.Fprintf(&b, "canary-station-%02d,%s,2024-01-%02d", s, []string{"north", "south"}[s/(canaryStations/2)], first+d)
			for _, c := range columns {
				b.WriteString("," + c[d])
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// sumOfCanaries is Σ of a product of columns over so many stations and all days, exactly.
func sumOfCanaries(stations int, columns ...[]string) string {
	total, places := new(big.Rat), 0
	for d := range columns[0] {
		term := new(big.Rat).SetInt64(int64(stations))
		places = 0
		for _, c := range columns {
			v, _ := new(big.Rat).SetString(c[d])
			term.Mul(term, v)
			places += len(c[d]) - 1 - strings.IndexByte(c[d], '.')
		}
		total.Add(total, term)
	}
	return total.FloatString(places)
}

// canaryWorld is a cluster on which everything is recorded that leaves a process.
type canaryWorld struct {
	*cluster
	peers   *tapped
	clients *apiTap
	logs    *apiTap
	logger  *slog.Logger

	bureau, utility, buyer *client.Client
	needles                []leak.Needle               // readings, sums, squares, and all secrets of nodes
	seeds                  map[[2]string][]leak.Needle // by pair of nodes
	ceremonies             int                         // frames until the keys were ready
}

func newCanaryWorld(ctx context.Context, t *testing.T) *canaryWorld {
	t.Helper()
	w := &canaryWorld{peers: &tapped{}, clients: &apiTap{}, logs: &apiTap{}, seeds: map[[2]string][]leak.Needle{}}
	w.logger = slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.cluster = newCluster(t, 3, 2, func(o *Options) { o.Tap, o.WrapAPI, o.Logger = w.peers.of(o.ID), w.clients.wrap, w.logger })
	w.bureau, w.utility = w.keeping(w.publisher(ctx, "bureau")), w.publisher(ctx, "utility")
	for _, p := range []*client.Client{w.bureau, w.utility} {
		ready, err := p.ReadyKey(ctx, p.Key().ID())
		if err != nil {
			t.Fatal(err)
		}
		secrets, pairs := w.secretNeedles(t, ready.Record)
		w.needles = append(w.needles, secrets...)
		for pair, forms := range pairs {
			w.seeds[pair] = append(w.seeds[pair], forms...)
		}
	}
	w.ceremonies = len(w.peers.all())
	w.buyer = w.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	return w
}

// publish publishes both datasets, and notes what must not be seen of them.
func (w *canaryWorld) publish(ctx context.Context, t *testing.T) {
	t.Helper()
	p := prepareText(ctx, t, canaryDescriptor, canaryTable("x,y", 1, canaries, smallCanaries), nil)
	if _, err := publish.Publish(ctx, w.bureau, p, nil); err != nil {
		t.Fatal(err)
	}
	q := prepareText(ctx, t, otherDescriptor, canaryTable("z", 1, joinedCanaries), w.utility.RegistryIDs)
	if _, err := publish.Publish(ctx, w.utility, q, nil); err != nil {
		t.Fatal(err)
	}
	contractWith(ctx, t, w.buyer, w.bureau, catalog.OrderCreate{Dataset: "canaries", Portfolio: true})
	contract(ctx, t, w.buyer, w.utility, "others")
	params := w.nodes["n1"].params
	x, y, z := p.Source.Descriptor.Measures[0], p.Source.Descriptor.Measures[1], q.Source.Descriptor.Measures[0]
	for _, part := range []struct {
		m      catalog.Measure
		values []string
	}{{x, canaries}, {x, appendedCanaries}, {y, smallCanaries}, {z, joinedCanaries}} {
		for _, v := range part.values {
			w.needles = append(w.needles, readingNeedles(t, params, part.m, v, 1)...)
		}
	}
	// What is released, nodes do not see either, and what noise hides nobody does.
	for _, part := range []struct {
		m      catalog.Measure
		values []string
		of     int
	}{{x, canaries, canaryStations}, {x, append(slices.Clone(canaries), appendedCanaries...), canaryStations}, {x, canaries, 5}, {y, smallCanaries, canaryStations}} {
		w.needles = append(w.needles, readingNeedles(t, params, part.m, sumOfCanaries(part.of, part.values), int64(part.of*len(part.values)))...)
	}
	for name, columns := range map[string][][]string{"squares": {smallCanaries, smallCanaries}, "products": {smallCanaries, joinedCanaries}} {
		sum := sumOfCanaries(canaryStations/2, columns...)
		w.needles = append(w.needles, leak.Forms("the sum of "+name, []byte(sum))...)
		w.needles = append(w.needles, leak.Forms("the sum of "+name+", digits", []byte(strings.ReplaceAll(sum, ".", "")))...)
	}
}

// ask has the cluster answer everything that it can: from several sets and roots, a repeat,
// with noise, products, a join, a portfolio, and a version with more periods.
func (w *canaryWorld) ask(ctx context.Context, t *testing.T) {
	t.Helper()
	sum := func(want string, sql string) {
		t.Helper()
		if got := queryRows(ctx, t, w.buyer, sql); len(got) != 1 || got[0][0] != want {
			t.Fatalf("%s: got %v, want %s", sql, got, want)
		}
	}
	for n := range 5 { // the last one is a repeat
		sum(sumOfCanaries(canaryStations, canaries), fmt.Sprintf(`SELECT SUM(x), COUNT(x) FROM canaries WHERE station > '!%d'`, n%4))
	}
	if _, err := ask.Query(ctx, w.buyer, `SELECT SUM(y) FROM canaries`, ask.Options{Epsilon: "1"}); err != nil {
		t.Fatal(err)
	}
	before := len(w.clients.sent())
	members := w.register(ctx, t)
	sum(sumOfCanaries(5, canaries), `SELECT SUM(x) FROM canaries WHERE county = 'north' AND station IN PRIVATE(mine)`)
	// Who they are that the buyer asks about, its requests do not even name.
	for _, found := range leak.Search([]leak.Place{{Name: "what the buyer sends", Bytes: w.clients.sent()[before:]}}, members) {
		t.Error(found)
	}
	leak.MustFindAll(t, "what clients have sent", []leak.Place{{Name: "rows", Bytes: leak.Planted(members)}}, members)

	queryRows(ctx, t, w.buyer, `SELECT VAR_POP(y) FROM canaries WHERE county = 'south'`)
	sum(sumOfCanaries(canaryStations/2, smallCanaries, joinedCanaries), `SELECT SUM(c.y * o.z) FROM canaries AS c JOIN others AS o USING (entity, period) WHERE county = 'south'`)
	appendText(ctx, t, w.bureau, canaryDescriptor, string(canaryTable("x,y", 5, appendedCanaries, smallCanaries[:2])))
	sum(sumOfCanaries(canaryStations, append(slices.Clone(canaries), appendedCanaries...)), `SELECT SUM(x) FROM canaries`)
	w.await(ctx, "all nodes to hold the version", func() bool { return len(w.version(t, "n1", "canaries", 2).Acks) == 3 })
}

// Readings, figures, portfolios, key shares, seeds and secrets are nowhere: not in what
// nodes send each other, not in what clients send and are sent, not in any file or database
// of any node, not in any log. A search that finds nothing proves something only if it
// would find what is there, so every kind of place is then planted with everything.
func TestNoReadingAndNoSecretIsInAnyConnectionFileOrLog(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	w := newCanaryWorld(ctx, t)
	w.publish(ctx, t)
	w.ask(ctx, t)

	var seeds []leak.Needle
	for _, forms := range w.seeds {
		seeds = append(seeds, forms...)
	}
	elsewhere := append(slices.Clone(w.needles), seeds...)
	for _, found := range leak.Search(w.peers.streams(), w.needles) {
		t.Error(found)
	}
	w.checkSeeds(t, seeds)
	for _, found := range leak.Search([]leak.Place{{Name: "what clients send and get", Bytes: w.clients.all()}, {Name: "a log", Bytes: w.logs.all()}}, elsewhere) {
		t.Error(found)
	}
	w.snapshot(ctx, t)
	for _, m := range w.body.Nodes {
		w.close(m.ID)
		for _, found := range leak.Search(w.nodePlaces(t, m.ID), elsewhere) {
			t.Error(found)
		}
	}
	if raceDetector {
		return // it takes minutes, and proves the search, in which nothing is shared
	}
	w.plantEverywhere(ctx, t, elsewhere)
}

// snapshot has every node write its state to one file.
func (w *canaryWorld) snapshot(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, n := range w.nodes {
		if err := n.raftLedger(t).Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSeeds: a seed travels once, from the one of the pair that drew it to the other.
func (w *canaryWorld) checkSeeds(t *testing.T, seeds []leak.Needle) {
	t.Helper()
	all := w.peers.all()
	for pair, forms := range w.seeds {
		handed := false
		for _, s := range (&tapped{frames: all[:w.ceremonies]}).streams() {
			found := leak.Search([]leak.Place{s}, forms)
			own := strings.HasPrefix(s.Name, fmt.Sprintf("%s to %s over weir-peer", pair[0], pair[1]))
			if len(found) > 0 && !own {
				t.Error(found)
			}
			handed = handed || len(found) > 0
		}
		if !handed {
			t.Errorf("the seed of %v is not even where it must travel: the search finds nothing", pair)
		}
	}
	for _, found := range leak.Search((&tapped{frames: all[w.ceremonies:]}).streams(), seeds) {
		t.Errorf("after the ceremonies: %s", found)
	}
}

// plantEverywhere opens the nodes again, plants every needle in every kind of place, and
// requires that the search finds each of them in each.
func (w *canaryWorld) plantEverywhere(ctx context.Context, t *testing.T, needles []leak.Needle) {
	t.Helper()
	whole := leak.Planted(needles)
	for _, m := range w.body.Nodes {
		w.open(m.ID)
	}
	// As one blob, which goes to a value log, and as small ones, which go to tables.
	blobs := [][]byte{whole}
	for part := range slices.Chunk(needles, 400) {
		blobs = append(blobs, leak.Planted(part))
	}
	for _, n := range w.nodes {
		for _, b := range blobs {
			if err := n.blobs.Put(ctx, catalog.Sum(b), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	// As an entry of the ledger, which says nothing and is kept all the same.
	w.await(ctx, "an entry with all that is searched for", func() bool {
		for _, n := range w.nodes {
			if n.ledger.IsLeader() {
				_, err := n.ledger.Propose(ctx, whole)
				return err == nil
			}
		}
		return false
	})
	// As a whole, of which n2 may read the begin alone before it refuses it, and in parts: what a frame's border cuts in
	// the one is whole in the other.
	for part := range slices.Chunk(needles, 150) {
		blobs = append(blobs, leak.Planted(part))
	}
	for _, part := range blobs {
		w.await(ctx, "n2 to have been sent it", func() bool { // which takes no connection yet where it has just been opened
			_, err := w.nodes["n1"].peers.Do(ctx, "n2", http.MethodPost, pathPropose, part)
			if err == nil {
				t.Error("what is no envelope was proposed")
			}
			return !errors.Is(err, peer.ErrUnreachable)
		})
	}
	for _, protocol := range []string{"weir-peer", "weir-raft"} {
		for _, way := range []string{"as received", ""} {
			streams := slices.DeleteFunc(w.peers.streams(), func(h leak.Place) bool {
				return !strings.Contains(h.Name, protocol) || strings.Contains(h.Name, "as received") != (way != "")
			})
			leak.MustFindAll(t, "what nodes send over "+protocol+" "+way, streams, needles)
		}
	}
	w.plantForClients(t, whole, needles)
	w.plantInLogs(t, needles)
	w.await(ctx, "all nodes to have the entry", func() bool {
		next := w.nodes["n1"].ledger.NextSeq()
		return w.nodes["n2"].ledger.NextSeq() == next && w.nodes["n3"].ledger.NextSeq() == next
	})
	w.snapshot(ctx, t)
	for _, m := range w.body.Nodes {
		w.close(m.ID)
		leak.Private(t, w.nodeDir(m.ID))
		places := w.nodePlaces(t, m.ID)
		for _, kind := range []string{"/ledger/wal/", "/ledger/snapshots/", "what is held in " + w.nodeDir(m.ID) + "/ledger", "file " + w.nodeDir(m.ID) + "/blobs", "what is held in " + w.nodeDir(m.ID) + "/blobs"} {
			of := slices.DeleteFunc(slices.Clone(places), func(h leak.Place) bool { return !strings.Contains(h.Name, kind) })
			leak.MustFindAll(t, kind, of, needles)
		}
	}
}

// plantForClients has a body go both ways through what records clients, and text in heads.
func (w *canaryWorld) plantForClients(t *testing.T, whole []byte, needles []leak.Needle) {
	t.Helper()
	tap := &apiTap{}
	server := httptest.NewServer(tap.wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, err := b.ReadFrom(r.Body)
		rw.Header().Set("X-Planted", r.Header.Get("X-Asked"))
		if err == nil && r.Method == http.MethodGet {
			_, err = rw.Write(whole)
		}
		if err != nil {
			t.Error(err)
		}
	})))
	t.Cleanup(server.Close)
	for name, method := range map[string]string{"what clients send": http.MethodPut, "what clients get": http.MethodGet} {
		*tap = apiTap{}
		body := []byte(nil)
		if method == http.MethodPut {
			body = whole
		}
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/?asked="+canaries[0], bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Asked", canaries[1])
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := new(bytes.Buffer).ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		leak.MustFindAll(t, name, []leak.Place{{Name: name, Bytes: tap.all()}}, needles)
		for _, text := range []string{"asked=" + canaries[0], "X-Asked:[" + canaries[1], "X-Planted:[" + canaries[1]} {
			if !bytes.Contains(tap.all(), []byte(text)) {
				t.Errorf("%s: %s is not recorded", name, text)
			}
		}
	}
}

// plantInLogs logs everything as loggers do: text as it is, bytes as they quote them.
func (w *canaryWorld) plantInLogs(t *testing.T, needles []leak.Needle) {
	t.Helper()
	raw := map[string][]byte{}
	var logged []leak.Needle
	for _, n := range needles {
		raw[n.Name] = n.Bytes
		text := string(n.Bytes)
		if strings.HasSuffix(n.Name, " quoted") {
			text = string(raw[strings.TrimSuffix(n.Name, " quoted")])
		} else if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			continue // no text: its other forms are
		}
		w.logger.Debug("planted", "what", text)
		logged = append(logged, n)
	}
	leak.MustFindAll(t, "a log", []leak.Place{{Name: "a log", Bytes: w.logs.all()}}, logged)
}
