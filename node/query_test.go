package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/ask"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/vault"
)

func TestAnswersEqualPlaintextForEveryShapeOfCluster(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{2, 2}, {3, 2}, {4, 3}} {
		t.Run(fmt.Sprintf("%d of %d", shape.t, shape.n), func(t *testing.T) {
			ctx := testContext(t)
			c := newCluster(t, shape.n, shape.t, nil)
			bureau := c.publisher(ctx, "bureau")
			buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
			list := publishStations(ctx, t, bureau, "stations")
			contract(ctx, t, buyer, bureau, "stations")
			got := queryRows(ctx, t, buyer, fmt.Sprintf(stationsSQL, "stations"))
			if d := cmp.Diff(stationTruth(list), got); d != "" {
				t.Errorf("(-plaintext +answer)\n%s", d)
			}
			// The publisher asks of its own data without an order.
			got = queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))
			if d := cmp.Diff(stationTruth(list), got); d != "" {
				t.Errorf("publisher: (-plaintext +answer)\n%s", d)
			}
		})
	}
}

// Everything a cluster holds is there again after all nodes were closed, and a
// query of old data is still answered.
func TestRestartOfAllNodesKeepsEverything(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	buyer := c.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	list := publishStations(ctx, t, bureau, "stations")
	contract(ctx, t, buyer, bureau, "stations")
	want := stationTruth(list)
	r, err := ask.Query(ctx, buyer, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	state := func() map[string]any {
		var s = map[string]any{}
		err := c.nodes["n1"].Read(ctx, func(v state.View) (err error) {
			for name, get := range map[string]func() (any, error){
				"principals": func() (any, error) { return everything(v.PrincipalPage(records.Page{})) },
				"datasets":   func() (any, error) { return v.Datasets() },
				"contracts":  func() (any, error) { return everything(v.ContractPage("", records.Page{})) },
				"query":      func() (any, error) { return v.Query(r.Query.ID) },
				"shares":     func() (any, error) { return v.Shares(r.Query.ID) },
			} {
				if s[name], err = get(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := state()
	for _, m := range c.body.Nodes {
		c.close(m.ID)
	}
	for _, m := range c.body.Nodes {
		c.open(m.ID)
	}
	if d := cmp.Diff(before, state()); d != "" {
		t.Errorf("(-before +after)\n%s", d)
	}
	if d := cmp.Diff(want, queryRows(ctx, t, buyer, stationsAnew(0))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

func TestKeyCeremonySaysWhichNodeIsMissingAndFinishesWhenItIsBack(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	c.publisher(ctx, "first") // all are up and know each other
	c.close("n3")
	c.awaitGone(ctx, "n3") // a leader that has not noticed begins, and gives up after CeremonyTimeout
	key := newKey(t, "bureau")
	bureau := c.admit(ctx, key, catalog.RolePublisher)
	c.await(ctx, "a leader that waits for n3", func() bool {
		for _, n := range c.nodes {
			if n.ledger.IsLeader() && strings.Contains(n.leader.waitingFor(), "n3") {
				return true
			}
		}
		return false
	})
	for id, n := range c.nodes { // as one that led once, and waited
		n.leader.mu.Lock()
		n.leader.waiting = "n3"
		n.leader.mu.Unlock()
		if s := n.standing.Status(); s.Waiting != "" && s.Ledger.State != "leader" {
			t.Errorf("node %s is a %s and says that it waits for %s", id, s.Ledger.State, s.Waiting)
		}
	}
	c.open("n3")
	if _, err := bureau.ReadyKey(ctx, key.ID()); err != nil {
		t.Fatal(err)
	}
}

// A tile that was encrypted under one publisher's key cannot be slipped into
// another publisher's dataset: the parity does not open to zero.
func TestTilesUnderAnotherPublishersKeyAreRefused(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau, thief := c.publisher(ctx, "bureau"), c.publisher(ctx, "thief")
	foreign, err := bureau.ReadyKey(ctx, bureau.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	own, err := thief.ReadyKey(ctx, thief.Key().ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, dataset string
		public        []byte
		want          catalog.VersionState
	}{
		{"own key", "mine", own.Public, catalog.VersionLive},
		{"foreign key", "stolen", foreign.Public, catalog.VersionRejected},
	} {
		t.Run(x.name, func(t *testing.T) {
			v := c.publishRaw(ctx, t, thief, x.dataset, own.Record, x.public)
			if v.State != x.want {
				t.Fatalf("the version is %s (%s), want %s", v.State, explain.Reason(v.Reason), x.want)
			}
			if x.want == catalog.VersionRejected && !strings.Contains(explain.Reason(v.Reason), "parity") {
				t.Errorf("the reason %q does not name the parity", explain.Reason(v.Reason))
			}
		})
	}
}

// publishRaw publishes the stations step by step, with tiles encrypted under any
// public key, and returns the version when it is live or rejected.
func (c *cluster) publishRaw(ctx context.Context, t *testing.T, publisher *client.Client, dataset string, key catalog.Key, public []byte) catalog.Version {
	t.Helper()
	p := prepareText(ctx, t, fmt.Sprintf(stationsDescriptor, dataset), stationsCSV(stationReadings()), nil)
	propose := c.uploadRaw(ctx, t, p, key, public)
	if _, err := publish.Registry(ctx, publisher, p.Registry, nil); err != nil {
		t.Fatal(err)
	}
	submit := func(kind catalog.Kind, body any) {
		t.Helper()
		if _, err := publisher.Submit(ctx, kind, body); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
	}
	submit(catalog.KindDatasetCreate, catalog.DatasetCreate{Descriptor: p.Source.Descriptor})
	submit(catalog.KindVersionPropose, propose)
	submit(catalog.KindVersionCommit, catalog.VersionCommit{Dataset: dataset, Version: 1})
	return c.awaitVerdict(ctx, t, publisher, dataset, 1)
}

// awaitVerdict waits until a version is live or rejected.
func (c *cluster) awaitVerdict(ctx context.Context, t *testing.T, publisher *client.Client, dataset string, version int) (v catalog.Version) {
	t.Helper()
	c.await(ctx, "the version to be live or rejected", func() bool {
		var err error
		if v, err = publisher.Version(ctx, dataset, version); err != nil {
			t.Fatal(err)
		}
		return v.State == catalog.VersionLive || v.State == catalog.VersionRejected
	})
	return v
}

// uploadRaw encrypts what was prepared under any public key, puts it into the first
// node's store, and returns how a public version of it is proposed.
func (c *cluster) uploadRaw(ctx context.Context, t *testing.T, p *publish.Prepared, key catalog.Key, public []byte) catalog.VersionPropose {
	t.Helper()
	params := c.nodes["n1"].params
	enc, err := he.NewEncryptor(params, public)
	if err != nil {
		t.Fatal(err)
	}
	store := c.nodes["n1"].blobs
	put := func(b []byte) catalog.Digest {
		t.Helper()
		d := catalog.Sum(b)
		if err := store.Put(ctx, d, b); err != nil {
			t.Fatal(err)
		}
		return d
	}
	digests, err := tiles.Pack(ctx, p.Panel, p.Blocks, tiles.PackOptions{
		Values: params.Values(), TileBytes: params.PackedTileBytes(), Workers: 1,
		NewEncryptor: func() (tiles.Encryptor, error) { return enc.ShallowCopy(), nil },
	}, func(x tiles.Tile) error { return store.Put(ctx, x.Digest, x.Bytes) })
	if err != nil {
		t.Fatal(err)
	}
	presence, err := tiles.EncodePresence(p.Presence)
	if err != nil {
		t.Fatal(err)
	}
	d := p.Source.Descriptor
	m := tiles.Manifest{
		Version: tiles.ManifestVersion, Dataset: d.Dataset, Key: key.ID, Epoch: key.Epoch, Registry: d.Registry, Entities: len(p.Panel.Entities),
		First: p.Panel.First, Periods: p.Panel.Periods, Values: params.Values(), Blocks: p.Blocks, Presence: put(presence), Tiles: digests,
	}
	for _, x := range d.Measures {
		m.Measures = append(m.Measures, x.Name)
	}
	manifest, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return catalog.VersionPropose{
		Dataset: d.Dataset, Key: key.ID, Epoch: key.Epoch, First: m.First, Periods: m.Periods, Entities: m.Entities,
		Blocks: m.Blocks, Tiles: p.Tiles(), Manifest: put(manifest), Presence: m.Presence,
	}
}

// A key share that was replaced on one node's disk, digest and seal made to
// match, shows as a failed parity at the client, which prints no figure.
func TestWrongKeyShareIsNoticedByTheClient(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 2, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	c.tamper(t, "n2", func(r *storedKey) []byte {
		// Another value of the same form: the last coefficient.
		at := len(r.Share) - 8
		binary.LittleEndian.PutUint64(r.Share[at:], binary.LittleEndian.Uint64(r.Share[at:])^1)
		return r.bytes(t)
	})
	if ok, reasons := c.awaitReady(ctx, "n2"); !ok {
		t.Fatalf("a share whose digest matches keeps the node from being ready: %v", reasons)
	}
	_, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	var parity *ask.ParityError
	if !errors.As(err, &parity) {
		t.Fatalf("got %v, want a *client.ParityError", err)
	}
}

// A key share that does not match its digest keeps the node from being ready,
// and the node says why.
func TestDamagedKeyShareKeepsTheNodeFromBeingReady(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	c := newCluster(t, 3, 2, nil)
	bureau := c.publisher(ctx, "bureau")
	list := publishStations(ctx, t, bureau, "stations")
	c.tamper(t, "n2", func(r *storedKey) []byte {
		b := r.bytes(t)
		b[len(b)/2] ^= 1
		return b
	})
	ok, reasons := c.awaitReady(ctx, "n2")
	if ok || !strings.Contains(strings.Join(reasons, "\n"), "does not match its digest") {
		t.Fatalf("ready %v, reasons %q", ok, reasons)
	}
	// The others answer without it, whatever set is drawn first.
	if d := cmp.Diff(stationTruth(list), queryRows(ctx, t, bureau, fmt.Sprintf(stationsSQL, "stations"))); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
}

// tamper replaces the only key record in a node's vault while the node is down.
func (c *cluster) tamper(t *testing.T, id string, change func(*storedKey) []byte) {
	t.Helper()
	c.close(id)
	v, err := vault.Open(c.nodeDir(id)+"/"+founding.DirSecrets, c.sealKey(id))
	if err != nil {
		t.Fatal(err)
	}
	names, err := v.List("key/")
	if err != nil || len(names) != 1 {
		t.Fatalf("key records %q (%v), want one", names, err)
	}
	b, err := v.Get(names[0])
	if err != nil {
		t.Fatal(err)
	}
	r := readStoredKey(t, b)
	if err := v.Put(names[0], change(&r)); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	c.open(id)
}

// Nothing but the connection to the root of an attempt ever carries what a
// member contributes to an opening (PROTOCOL.md section 3).
func TestContributionsTravelToTheRootAlone(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	taps := &tapped{}
	c := newCluster(t, 4, 3, func(o *Options) { o.Tap = taps.of(o.ID) })
	bureau := c.publisher(ctx, "bureau")
	publishStations(ctx, t, bureau, "stations")
	r, err := ask.Query(ctx, bureau, fmt.Sprintf(stationsSQL, "stations"), ask.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := r.Query.Attempts[len(r.Query.Attempts)-1]
	session := url.QueryEscape(mpc.QuerySession(r.Query.ID, a.Number))
	// contributions are the bodies of those to the attempt, by the frame that their request begins in.
	contributions := func(frames []frame) map[int][]byte {
		found := map[int][]byte{}
		for i, f := range frames {
			if !f.sent || !bytes.Contains(f.bytes, []byte("kind="+mpc.KindShares)) || !bytes.Contains(f.bytes, []byte("session="+session)) {
				continue
			}
			body := f.bytes[bytes.Index(f.bytes, []byte("\r\n\r\n"))+4:]
			for _, g := range frames[i+1:] {
				if len(body) < 4096 && g.sent && g.conn == f.conn {
					body = append(bytes.Clone(body), g.bytes...)
				}
			}
			found[i] = body
		}
		return found
	}
	var frames []frame
	var found map[int][]byte
	c.await(ctx, "every member's contribution to be recorded", func() bool { // which it is once it is written
		frames = taps.all()
		found = contributions(frames)
		senders := map[string]bool{}
		for i, body := range found {
			senders[frames[i].from] = len(body) >= 4096
		}
		return len(senders) == len(a.Active)-1 && !slices.Contains(slices.Collect(maps.Values(senders)), false)
	})
	for i, body := range found {
		f := frames[i]
		if f.to != a.Root || !slices.Contains(a.Active, f.from) {
			t.Errorf("%s sent its contribution to %s, the root is %s", f.from, f.to, a.Root)
		}
		if len(body) < 4096 {
			continue // it broke off, and was sent again
		}
		// What follows the request's head is in no frame of anybody else.
		probe := body[2048:2112]
		for _, g := range frames {
			same := g.from == f.from && g.to == f.to || g.from == f.to && g.to == f.from
			if !same && bytes.Contains(g.bytes, probe) {
				t.Errorf("a contribution of %s to %s is also between %s and %s (%s)", f.from, f.to, g.from, g.to, g.protocol)
			}
		}
	}
}

// tapped records what nodes send, above TLS.
type tapped struct {
	mu     sync.Mutex
	frames []frame
}

type frame struct {
	from, to, protocol string
	conn               *peer.Conn
	sent               bool
	bytes              []byte
}

func (x *tapped) of(id string) peer.Tap {
	return func(c *peer.Conn, sent bool, p []byte) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.frames = append(x.frames, frame{from: id, to: c.Node(), protocol: c.Protocol(), conn: c, sent: sent, bytes: bytes.Clone(p)})
	}
}

func (x *tapped) all() []frame {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.frames
}

// everything is the one page that a list without bounds is.
func everything[T any](all []T, _ string, err error) ([]T, error) { return all, err }
