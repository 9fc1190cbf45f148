package restore

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/attest"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/recovery"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/consensus"
	"github.com/weirdata/weir/consensus/evidence"
	"github.com/weirdata/weir/node/backup"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
	"github.com/weirdata/weir/node/vault"
)

// A cluster of which a majority is lost for good goes on from what a survivor has. Each survivor that
// is stopped says what it has (Look), into one file; the order of it is of the survivor whose log is the
// longest; the operators of enough seats sign it; the survivor's ledger is made that of the cluster
// that goes on (FromSurvivor).

// FileCheckpoint has, in a node's directory, the newest checkpoint that it has seen a threshold sign.
const FileCheckpoint = "checkpoint"

// Why a recovery is refused.
var (
	// ErrSurvivor is returned where what a survivor has is not what the order is of.
	ErrSurvivor = errors.New("this is not what the order goes on from")
	// ErrShorter is returned where another survivor has more.
	ErrShorter = errors.New("another survivor has more")
	// ErrLaterRoster is returned where another survivor knows a later roster than the one that the order goes on from,
	// whose operators would be counted although their seats may be given up.
	ErrLaterRoster = errors.New("another survivor knows a later roster")
)

// Finding is what a survivor has, as it says itself.
type Finding struct {
	Cluster   catalog.Digest `json:"cluster"`
	Node      string         `json:"node"`
	Made      int64          `json:"made"` // Unix milliseconds
	Term      uint64         `json:"term"` // of the last entry of its log, as Index
	Index     uint64         `json:"index"`
	Size      uint64         `json:"size"`
	Root      catalog.Digest `json:"root"`
	Committed uint64         `json:"committed"`
	Last      int64          `json:"last"` // time of the last entry
	Previous  catalog.Digest `json:"previous,omitzero"`
	// Signed is how many entries the newest checkpoint has that it has seen a threshold sign, and
	// SignedAt when; 0: it has none.
	Signed   uint64 `json:"signed,omitempty"`
	SignedAt int64  `json:"signed_at,omitempty"`
	Damage   string `json:"damage,omitempty"` // why its log could not be read to its end

	Keys    []KeyShare         `json:"keys,omitempty"`
	Vectors []VectorShares     `json:"vectors,omitempty"`
	Roster  []catalog.Envelope `json:"roster"` // the founding first
	// Shares are the names of the shares of keys and vectors in its vault: another survivor may go on from a state
	// in which other sharings of them are in force.
	Shares []string `json:"shares,omitempty"`

	Signature []byte `json:"signature,omitempty"` // by the node
}

// KeyShare is a publisher's key and its share in force.
type KeyShare struct {
	Key       string   `json:"key"`
	Publisher string   `json:"publisher"` // its name
	Threshold int      `json:"threshold"`
	Nodes     []string `json:"nodes"` // that share it
	Share     string   `json:"share"` // the name of the share in a vault
}

// VectorShares are the shares in force of private vectors that the same nodes share.
type VectorShares struct {
	Threshold int      `json:"threshold"`
	Nodes     []string `json:"nodes"`
	Shares    []string `json:"shares"` // their names in a vault
}

const findingContext = "weir survivor v1\n"

func (f Finding) signedBytes() []byte {
	f.Signature = nil
	return append([]byte(findingContext), catalog.Encode(f)...)
}

// Longer reports whether a survivor's log has more than another's, as raft compares them.
func (f Finding) Longer(than Finding) bool {
	return f.Term > than.Term || f.Term == than.Term && f.Index > than.Index
}

// Rosters are the cluster as it was founded and after each change of its roster, as far as this
// survivor knows, proved by what the seats' operators signed.
func (f Finding) Rosters() ([]catalog.Cluster, error) {
	rosters, err := attest.Rosters(f.Cluster, f.Roster)
	if err != nil {
		return nil, fmt.Errorf("%w: read the roster that node %.40s has: %w", ErrOrder, f.Node, err)
	}
	return rosters, nil
}

// Members are the cluster as its roster is now.
func (f Finding) Members() (catalog.Cluster, error) {
	rosters, err := f.Rosters()
	if err != nil {
		return catalog.Cluster{}, err
	}
	return rosters[len(rosters)-1], nil
}

// check returns an error unless the node of the seat has signed it.
func (f Finding) check() error {
	c, err := f.Members()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.Nodes, func(n catalog.Node) bool { return n.ID == f.Node })
	if i < 0 || len(c.Nodes[i].Key) != ed25519.PublicKeySize || !ed25519.Verify(c.Nodes[i].Key, f.signedBytes(), f.Signature) {
		return fmt.Errorf("%w: what node %.40s is to have found is not signed by the machine in its seat", ErrOrder, f.Node)
	}
	return nil
}

// Plan is what survivors have, and the order that follows from it, as it goes from hand to hand.
type Plan struct {
	Version   int       `json:"v"`
	Survivors []Finding `json:"survivors"`
	// Shorter says that the order is not of the survivor that has most, and is meant so.
	Shorter bool `json:"shorter,omitempty"`
	recovery.Restore
}

const maxPlan = 64 << 20 // bytes: a thousand publishers, and sixteen survivors

// ReadPlan reads a plan and checks it: each finding is of its node, and the order is of one of them. It
// verifies no operator's signature.
func ReadPlan(file string) (p Plan, err error) {
	if err := readFile(file, "recovery", maxPlan, &p); err != nil {
		return p, err
	}
	if err := checkVersion(file, p.Version); err != nil {
		return p, err
	}
	if err := p.check(); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func (p Plan) check() error {
	for _, f := range p.Survivors {
		if err := f.check(); err != nil {
			return err
		}
		if f.Cluster != p.Order.Cluster {
			return fmt.Errorf("%w: node %s is of another cluster", ErrOrder, f.Node)
		}
	}
	from, err := p.Source()
	if err != nil {
		return err
	}
	if p.Order != from.order(p.Order.Made) {
		return fmt.Errorf("%w: it is not of what node %s has", ErrOrder, from.Node)
	}
	for _, f := range p.Survivors {
		if err := from.knowsRoster(f); err != nil {
			return err
		}
		if f.Longer(from) && !p.Shorter {
			return fmt.Errorf("%w: %w: node %s has log index %d of term %d, and %s, of which the order is, %d of term %d",
				ErrOrder, ErrShorter, f.Node, f.Index, f.Term, from.Node, from.Index, from.Term)
		}
	}
	return nil
}

// knowsRoster returns an error where another survivor knows a later roster, or another one: both are proved by what
// operators signed.
func (f Finding) knowsRoster(other Finding) error {
	for i, e := range other.Roster {
		if i >= len(f.Roster) || e.Digest() != f.Roster[i].Digest() {
			return fmt.Errorf("%w: %w: node %s knows a change by the envelope %s, number %d of its %d, and node %s, of which the order is, does not; begin another file, and go on from node %s with --from, or leave it out where that change was signed and never recorded",
				ErrOrder, ErrLaterRoster, other.Node, e.Digest(), i, len(other.Roster)-1, f.Node, other.Node)
		}
	}
	return nil
}

func (f Finding) order(made int64) recovery.Order {
	return recovery.Order{
		Cluster: f.Cluster, Size: f.Size, Root: f.Root, Previous: f.Previous, Made: made, Survivor: f.Node, Committed: f.Committed,
	}
}

// Source is the survivor that the order is of.
func (p Plan) Source() (Finding, error) {
	i := slices.IndexFunc(p.Survivors, func(f Finding) bool { return f.Node == p.Order.Survivor })
	if i < 0 {
		return Finding{}, fmt.Errorf("%w: nothing is said of what node %.40s has", ErrOrder, p.Order.Survivor)
	}
	return p.Survivors[i], nil
}

// With adds what a survivor has, and makes the order anew where that has more. from, where it is
// not empty, is the node that the order is to be of, whoever has more. What was signed stays as it is.
func (p Plan) With(f Finding, from string, now int64) (Plan, error) {
	if err := f.check(); err != nil {
		return p, err
	}
	before := p.Order
	p.Version = 1
	p.Survivors = append(slices.DeleteFunc(slices.Clone(p.Survivors), func(x Finding) bool { return x.Node == f.Node }), f)
	source := p.Survivors[0]
	for _, x := range p.Survivors[1:] {
		if x.Longer(source) {
			source = x
		}
	}
	p.Shorter = false
	if from != "" && from != source.Node {
		i := slices.IndexFunc(p.Survivors, func(x Finding) bool { return x.Node == from })
		if i < 0 {
			return p, fmt.Errorf("%w: nothing is said of what node %s has: run it there first, with the same file", ErrOrder, from)
		}
		p.Shorter = source.Longer(p.Survivors[i])
		source = p.Survivors[i]
	}
	if p.Order = source.order(before.Made); p.Order == before {
		return p, p.check()
	}
	if len(p.Signatures) > 0 {
		return p, fmt.Errorf("%w: it is signed already, as of what node %s has, and node %s has more, or something else: begin another file", ErrOrder, before.Survivor, source.Node)
	}
	p.Order.Made = now
	return p, p.check()
}

// Write writes the plan. Nothing in it is secret.
func (p Plan) Write(file string) error { return writeFile(file, "recovery", p) }

// Left is how many shares of something the survivors have.
type Left struct {
	Kind      string   `json:"kind"` // key or vectors
	ID        string   `json:"id,omitempty"`
	Publisher string   `json:"publisher,omitempty"`
	Count     int      `json:"count"` // of vectors
	Threshold int      `json:"threshold"`
	Left      []string `json:"left"`    // nodes that have their shares
	Without   []string `json:"without"` // those that share it and are lost, or have lost theirs
}

// Enough reports whether the survivors alone can open it.
func (l Left) Enough() bool { return len(l.Left) >= l.Threshold }

// Left is what the survivors have of each key, and of the private vectors, as the source knows them.
func (p Plan) Left() ([]Left, error) {
	source, err := p.Source()
	if err != nil {
		return nil, err
	}
	var all []Left
	for _, k := range source.Keys {
		l := Left{Kind: "key", ID: k.Key, Publisher: k.Publisher, Count: 1, Threshold: k.Threshold}
		p.divide(&l, k.Nodes, func(f Finding) bool {
			return f.has(k.Share)
		})
		all = append(all, l)
	}
	for _, v := range source.Vectors {
		l := Left{Kind: "vectors", Count: len(v.Shares), Threshold: v.Threshold}
		p.divide(&l, v.Nodes, func(f Finding) bool {
			return f.has(v.Shares...)
		})
		all = append(all, l)
	}
	return all, nil
}

// has reports whether the node has shares, by their names.
func (f Finding) has(names ...string) bool {
	there := map[string]bool{}
	for _, name := range f.Shares {
		there[name] = true
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !there[name] })
}

func (p Plan) divide(l *Left, nodes []string, has func(Finding) bool) {
	for _, id := range nodes {
		i := slices.IndexFunc(p.Survivors, func(f Finding) bool { return f.Node == id })
		if i >= 0 && has(p.Survivors[i]) {
			l.Left = append(l.Left, id)
		} else {
			l.Without = append(l.Without, id)
		}
	}
}

// Look finds out what the node in dir has, which is stopped. scratch is a directory that holds nothing
// and that the caller removes.
func Look(ctx context.Context, dir string, key founding.SealKey, scratch string, now int64) (f Finding, err error) {
	card, err := founding.OwnCard(dir)
	if err != nil {
		return f, err
	}
	v, err := key.Open(ctx, dir)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	machine := state.NewMachine()
	r, err := consensus.ReadRemains(ctx, ledgerOf(dir, card, v, nil), scratch, machine)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	f = Finding{
		Node: card.ID, Made: now, Term: r.Term, Index: r.Index, Size: r.Size, Root: r.Root, Committed: r.Committed,
	}
	if r.Damage != nil {
		f.Damage = r.Damage.Error()
	}
	names, err := v.List("")
	if err != nil {
		return f, err
	}
	err = r.View(func(at records.Reader) error { return f.describe(machine.View(at), names) })
	if err != nil {
		return f, fmt.Errorf("read what node %s has: %w", card.ID, err)
	}
	rosters, err := f.Rosters()
	if err != nil {
		return f, err
	}
	if err := f.findSigned(dir, rosters, r); err != nil {
		return f, err
	}
	private, err := founding.SigningKey(v)
	if err != nil {
		return f, err
	}
	defer vault.Wipe(private)
	f.Signature = ed25519.Sign(private, f.signedBytes())
	if err := f.check(); err != nil {
		return f, fmt.Errorf("%w: this machine is in no seat any more", err)
	}
	return f, nil
}

// describe takes from the state what there is to lose; names are those of the node's secrets.
func (f *Finding) describe(v state.View, names []string) error {
	c, err := v.Cluster()
	if err != nil {
		return err
	}
	f.Cluster, f.Last = c.ID, c.Time
	last, known, err := v.Restored()
	if err != nil {
		return err
	}
	if known {
		f.Previous = last.Order.ID()
	}
	changes, err := v.RosterChanges()
	if err != nil {
		return err
	}
	f.Roster = attest.Entries(changes)
	keys, err := v.Keys().All()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.State != catalog.KeyReady {
			continue
		}
		who, err := v.Principal(k.Publisher)
		if err != nil {
			return err
		}
		f.Keys = append(f.Keys, KeyShare{k.ID, who.Name, k.Threshold, k.Nodes, mpc.KeySecret(k)})
	}
	for _, name := range names {
		if mpc.IsShare(name) {
			f.Shares = append(f.Shares, name)
		}
	}
	ready, err := v.Vectors().Ready()
	if err != nil {
		return err
	}
	for _, x := range ready {
		s := x.InForce()
		i := slices.IndexFunc(f.Vectors, func(g VectorShares) bool { return g.Threshold == s.Threshold && slices.Equal(g.Nodes, s.Nodes) })
		if i < 0 {
			i = len(f.Vectors)
			f.Vectors = append(f.Vectors, VectorShares{Threshold: s.Threshold, Nodes: s.Nodes})
		}
		f.Vectors[i].Shares = append(f.Vectors[i].Shares, mpc.VectorSecret(x))
	}
	return nil
}

// findSigned reads the newest checkpoint that the node has seen signed. One that is not of what the
// node has is an error: nothing goes on from a log that contradicts what a threshold signed.
func (f *Finding) findSigned(dir string, rosters []catalog.Cluster, r *consensus.Remains) error {
	note, err := os.ReadFile(filepath.Join(dir, FileCheckpoint)) //nolint:gosec // G304: in the node's directory
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the newest checkpoint: %w", err)
	}
	trust := backup.TrustIn(rosters)
	signed, err := trust.Open(note, trust.Threshold)
	if errors.Is(err, evidence.ErrThreshold) {
		return nil // of a roster before
	}
	if err != nil {
		return fmt.Errorf("read the newest checkpoint: %w; remove %s, which nothing needs", err, filepath.Join(dir, FileCheckpoint))
	}
	for _, x := range signed.Voices {
		f.SignedAt = max(f.SignedAt, x.Time*1000)
	}
	f.Signed = signed.Size
	if signed.Size > r.Size {
		return nil // it is told: entries are missing
	}
	root, err := r.RootAt(signed.Size)
	if err == nil && root != signed.Root {
		err = fmt.Errorf("%w: of %d entries a threshold has signed the root %s, and this node has %x", ErrSurvivor, signed.Size, signed.Root, root)
	}
	return err
}

// FromSurvivor makes the node in dir, which is stopped, the one that the cluster goes on from. scratch is
// as for Look. Interrupted, it is repeated.
func FromSurvivor(ctx context.Context, dir string, key founding.SealKey, p Plan, scratch string) (err error) {
	if err := p.check(); err != nil {
		return err
	}
	source, err := p.Source()
	if err != nil {
		return err
	}
	members, err := source.Members()
	if err != nil {
		return err
	}
	if err := attest.CheckRestore(members, p.Restore); err != nil {
		return fmt.Errorf("%w: %w", ErrOrder, err)
	}
	card, err := founding.OwnCard(dir)
	if err != nil {
		return err
	}
	if card.ID != source.Node {
		return fmt.Errorf("%w: it is what node %s has, and this is node %s: when that is up start this one as it is, and it takes its ledger over",
			ErrSurvivor, source.Node, card.ID)
	}
	if err := card.CheckKeys(ctx, dir, key); err != nil {
		return err
	}
	v, err := key.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	options := ledgerOf(dir, card, v, members.Nodes)
	seed := consensus.Seed{ID: p.Order.ID(), Made: p.Order.Made, Voter: source.Node}
	check := func(r *consensus.Remains) error {
		if r.Size != p.Order.Size || catalog.Digest(r.Root) != p.Order.Root || r.Committed != p.Order.Committed {
			return fmt.Errorf("%w: it is of %d entries with the root %s, %d of them committed, and this node has %d with %s, %d of them committed: find out anew what it has, into another file",
				ErrSurvivor, p.Order.Size, p.Order.Root, p.Order.Committed, r.Size, catalog.Digest(r.Root), r.Committed)
		}
		return nil
	}
	return consensus.Recover(ctx, options, seed, scratch, state.NewMachine(), check, func() error { return WriteOrder(filepath.Join(dir, File), p.Restore) })
}
