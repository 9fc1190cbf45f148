package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/tiles"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/peer"
	"github.com/weirdata/weir/node/vault"
)

// dutyNet carries requests between the nodes of a schedule: late, lost before or after they were
// carried out, carried out twice, or held back by a partition.
type dutyNet struct {
	lose, again int // one request in so many; a request is lost on its way there or back

	seed    uint64
	mu      sync.Mutex
	links   map[[2]string]*rand.Rand // from, to: what happens on one says nothing of another
	calm    bool
	nodes   map[string]*dutyRun
	blocked map[[2]string]int
	changed chan struct{}  // closed and replaced when blocked changes
	late    sync.WaitGroup // requests that are carried out again

	parts     map[[2]string]*dutyRun // node, attempt: the run that took part in it
	violation func(format string, args ...any)
}

func newDutyNet(seed uint64, rng *rand.Rand) *dutyNet {
	return &dutyNet{
		lose: 30 + rng.IntN(200), again: 20 + rng.IntN(100), seed: seed, links: map[[2]string]*rand.Rand{},
		nodes: map[string]*dutyRun{}, blocked: map[[2]string]int{}, changed: make(chan struct{}), parts: map[[2]string]*dutyRun{},
	}
}

// block keeps requests, and answers, between two nodes back until heal is called.
func (n *dutyNet) block(a, b string) (heal func()) {
	link := [2]string{min(a, b), max(a, b)}
	n.turn(link, 1)
	return sync.OnceFunc(func() { n.turn(link, -1) })
}

func (n *dutyNet) turn(link [2]string, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocked[link] += by
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *dutyNet) reaches(a, b string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[b] != nil && n.blocked[[2]string{min(a, b), max(a, b)}] == 0 && (a == b || n.nodes[a].knows(n.nodes[b]))
}

// knows reports whether two nodes have each other's machines in the rosters that they were opened with: a connection
// between others does not come about.
func (r *dutyRun) knows(other *dutyRun) bool {
	pins := func(a, b *dutyRun) bool {
		return slices.ContainsFunc(a.node.members.Nodes, func(n catalog.Node) bool { return n.ID == b.id && bytes.Equal(n.Key, b.node.self.Key) })
	}
	return r != nil && pins(r, other) && pins(other, r)
}

// draw says how long a request takes, and whether it is lost there, lost back, or carried out twice.
func (n *dutyNet) draw(from, to string) (delay time.Duration, there, back, again bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	link := [2]string{from, to}
	if n.links[link] == nil {
		n.links[link] = rand.New(rand.NewPCG(n.seed, number(from+to)))
	}
	rng := n.links[link]
	delay = time.Duration(1+rng.IntN(15)) * time.Millisecond
	if n.calm {
		return delay, false, false, false
	}
	if rng.IntN(20) == 0 {
		delay *= 30
	}
	return delay, rng.IntN(n.lose) == 0, rng.IntN(n.lose) == 0, rng.IntN(n.again) == 0
}

// number is one that a name stands for.
func number(name string) uint64 {
	d := catalog.Sum([]byte(name))
	return binary.BigEndian.Uint64(d[:])
}

// pass waits until a link is open, for as long as the caller does.
func (n *dutyNet) pass(ctx context.Context, a, b string) error {
	for {
		n.mu.Lock()
		open, changed := n.blocked[[2]string{min(a, b), max(a, b)}] == 0, n.changed
		n.mu.Unlock()
		if open {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(stalled):
			return errStalled
		}
	}
}

// stalled is after which time without a word a connection is given up.
const stalled = 5 * time.Second

var (
	errStalled = errors.New("no progress")
	errLost    = errors.New("the connection broke")
	errNobody  = errors.New("nobody listens")
)

// dutyPeers are the other nodes as one run of a node reaches them.
type dutyPeers struct {
	net  *dutyNet
	self *dutyRun
}

func (p dutyPeers) unreachable(to string, err error) error {
	return &peer.UnreachableError{Node: to, Err: err}
}

// takesPart tells where a node takes part in an attempt of which an earlier run of it was part: what that had is lost.
func (p dutyPeers) takesPart(path string) {
	to, err := url.Parse(path)
	if err != nil || to.Path != pathMessage {
		return
	}
	session := mpc.RootSession(to.Query().Get("session"))
	if !strings.HasPrefix(session, "query/") && !strings.HasPrefix(session, "version/") && !strings.HasPrefix(session, "vector/") {
		return
	}
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	if p.self.part.gone() {
		return
	}
	of := [2]string{p.self.id, session}
	if was := p.net.parts[of]; was != nil && was != p.self {
		p.net.violation("%s takes part in %s again after a crash", p.self.id, session)
	}
	p.net.parts[of] = p.self
}

// Do implements otherNodes.
func (p dutyPeers) Do(ctx context.Context, to, method, path string, body []byte) ([]byte, error) {
	p.takesPart(path)
	delay, there, back, again := p.net.draw(p.self.id, to)
	if err := client.Pause(ctx, delay); err != nil {
		return nil, p.unreachable(to, err)
	}
	if err := p.net.pass(ctx, p.self.id, to); err != nil {
		return nil, p.unreachable(to, err)
	}
	p.net.mu.Lock()
	other := p.net.nodes[to]
	p.net.mu.Unlock()
	switch {
	case other == nil || p.self.part.gone() || !p.self.knows(other):
		return nil, p.unreachable(to, errNobody)
	case there:
		return nil, p.unreachable(to, errLost)
	case again:
		p.net.late.Go(func() {
			if client.Pause(other.node.life, 20*delay) == nil {
				_, _ = other.serve(other.node.life, p.self.id, method, path, body) // nobody waits for it
			}
		})
	}
	answer, err := other.serve(ctx, p.self.id, method, path, body)
	if passed := p.net.pass(ctx, p.self.id, to); passed != nil {
		return nil, p.unreachable(to, passed)
	}
	if back || other.part.gone() {
		return nil, p.unreachable(to, errLost)
	}
	return answer, err
}

// JSON implements otherNodes.
func (p dutyPeers) JSON(ctx context.Context, to, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := p.Do(ctx, to, method, path, body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// serve has a node answer another one's request, as package peer does.
func (r *dutyRun) serve(caller context.Context, from, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	defer context.AfterFunc(r.node.life, cancel)()
	request, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	route, digest, _ := strings.Cut(strings.TrimPrefix(request.URL.Path, pathBlobs), "/")
	handle := map[string]peer.Handler{
		pathPing: r.node.monitor.servePing, pathPropose: r.node.peerPort.servePropose, pathReadIndex: r.node.peerPort.serveReadIndex, pathMessage: r.node.peerPort.serveMessage,
		pathRoot: r.node.monitor.serveRoot,
	}[request.URL.Path]
	if handle == nil && route == "" {
		request.SetPathValue("digest", digest)
		handle = r.node.peerPort.serveBlob
	}
	answer := httptest.NewRecorder()
	err = handle(ctx, from, answer, request)
	if err == nil {
		return answer.Body.Bytes(), nil
	}
	told := &peer.Error{Status: http.StatusInternalServerError, Kind: peer.KindInternal, Message: "internal error"}
	errors.As(err, &told)
	return nil, &peer.RemoteError{Node: r.id, Status: told.Status, Kind: told.Kind, Message: told.Message}
}

// dutyStore is what a node's disk has: it outlives the node's process.
type dutyStore struct {
	mu       sync.Mutex
	secrets  map[string][]byte
	blobs    map[catalog.Digest][]byte
	unsynced map[catalog.Digest]bool
	old      map[string][]byte // secrets that were deleted
	volatile map[string]bool   // secrets that a crash loses
}

// newDutyStore is the disk of a machine with what it has.
func newDutyStore(secrets map[string][]byte, blobs map[catalog.Digest][]byte) *dutyStore {
	return &dutyStore{secrets: secrets, blobs: blobs, unsynced: map[catalog.Digest]bool{}, old: map[string][]byte{}, volatile: map[string]bool{}}
}

// durable reports whether a secret is there whatever happens.
func (d *dutyStore) durable(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.secrets[name] != nil && !d.volatile[name]
}

// crash loses some of what was not synced.
func (d *dutyStore) crash(rng *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, digest := range slices.SortedFunc(maps.Keys(d.unsynced), func(a, b catalog.Digest) int { return bytes.Compare(a[:], b[:]) }) {
		if rng.IntN(2) == 0 {
			delete(d.blobs, digest)
		}
	}
	clear(d.unsynced)
	for name := range d.volatile {
		delete(d.secrets, name)
	}
	clear(d.volatile)
}

var errDead = errors.New("the process was killed")

// dutySecrets are a node's secrets, as one run of it has them.
type dutySecrets struct {
	*dutyStore
	part *dutyPart
	bug  dutyBug
	// read replaces what is read, for a planted bug; nil: nothing is.
	read func(d *dutyStore, name string) []byte
}

func (s dutySecrets) Get(name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.part.gone() {
		return nil, errDead
	}
	if s.read != nil {
		if b := s.read(s.dutyStore, name); b != nil {
			return bytes.Clone(b), nil // who reads it wipes it
		}
	}
	b, ok := s.secrets[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", vault.ErrNotFound, name)
	}
	return bytes.Clone(b), nil
}

func (s dutySecrets) Put(name string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.part.gone() {
		return errDead
	}
	s.secrets[name] = bytes.Clone(b)
	if s.bug.unsyncedVector && strings.HasPrefix(name, "vector/") {
		s.volatile[name] = true
	}
	return nil
}

// PutCached is Put of what a crash loses.
func (s dutySecrets) PutCached(name string, b []byte) error {
	err := s.Put(name, b)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.volatile[name] = true
	return err
}

func (s dutySecrets) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.part.gone() {
		return errDead
	}
	b, ok := s.secrets[name]
	if !ok {
		return fmt.Errorf("%w: %s", vault.ErrNotFound, name)
	}
	s.old[name] = b
	delete(s.secrets, name)
	return nil
}

func (s dutySecrets) List(prefix string) (names []string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.part.gone() {
		return nil, errDead
	}
	for _, name := range slices.Sorted(maps.Keys(s.secrets)) {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

// dutyDisk are a node's blobs, as one run of it has them.
type dutyDisk struct {
	*dutyStore
	part *dutyPart
}

func (d dutyDisk) Put(_ context.Context, digest catalog.Digest, content []byte) error {
	if catalog.Sum(content) != digest {
		return fmt.Errorf("the content is not that of %s", digest)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.part.gone() {
		return errDead
	}
	if d.blobs[digest] == nil {
		d.blobs[digest], d.unsynced[digest] = bytes.Clone(content), true
	}
	return nil
}

func (d dutyDisk) Get(_ context.Context, digest catalog.Digest) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.blobs[digest]
	if b == nil {
		return nil, &tiles.BlobError{Digest: digest, Err: tiles.ErrNotFound}
	}
	return b, nil
}

func (dutyDisk) Doubt(...catalog.Digest) {}

func (d dutyDisk) Missing(_ context.Context, digests []catalog.Digest) (missing []catalog.Digest, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, digest := range digests {
		if d.blobs[digest] == nil {
			missing = append(missing, digest)
		}
	}
	return missing, nil
}

func (d dutyDisk) Accumulate(ctx context.Context, digests []catalog.Digest, add func(tiles ...[]byte) error) error {
	for _, digest := range digests {
		b, err := d.Get(ctx, digest)
		if err != nil {
			return err
		}
		if err := add(b); err != nil {
			return err
		}
	}
	return nil
}

func (d dutyDisk) Verify(ctx context.Context, digests ...catalog.Digest) error {
	for _, digest := range digests {
		if _, err := d.Get(ctx, digest); err != nil {
			return err
		}
	}
	return nil
}

func (d dutyDisk) Delete(_ context.Context, digests ...catalog.Digest) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, digest := range digests {
		delete(d.blobs, digest)
	}
	return nil
}

func (d dutyDisk) List(context.Context, func(d catalog.Digest) error) error {
	return errors.New("nothing is listed here")
}

func (d dutyDisk) Scrub(context.Context, func(catalog.Digest, error) error) error {
	return errors.New("nothing is scrubbed here")
}

func (d dutyDisk) Sync(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.part.gone() {
		return errDead
	}
	clear(d.unsynced)
	return nil
}
