package state

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/overlay"
)

const (
	pruneEvery = 16  // entries
	pruneBatch = 256 // records at a time
)

// Machine applies entries to the state and reads it. It holds nothing of the
// state but a cache of decoded immutable things, so one machine serves any
// number of readers beside the one goroutine that applies.
type Machine struct {
	cache records.Cache
	// ids names what an envelope makes. Tests shorten it, to show that nothing is had
	// by two envelopes with one id.
	ids func(letter string, envelope catalog.Digest) string
}

// NewMachine returns a machine.
func NewMachine() *Machine { return &Machine{ids: catalog.MakeID} }

// Apply applies one entry of the log and returns the JSON of its Outcome. seq
// is the entry's number in the log. Entries are applied one after the other.
// An error is a fault of the store; nothing of the transaction may be kept then.
//
// The state's clock takes an entry's time, which is the leader's, only where the
// envelope is genuine and valid at that time. So a leader whose clock is wrong
// moves it no further past the clock of whoever signs than an envelope lives: the
// envelopes of everybody else are refused as expired, and leave no trace in time.
func (m *Machine) Apply(tx records.Tx, seq uint64, entry []byte) ([]byte, error) {
	c, err := m.begin(tx, seq)
	if err != nil {
		return nil, err
	}
	clock := c.now
	e, err := catalog.ParseEntry(entry)
	if err != nil {
		c.out.Refusal = catalog.Refuse(catalog.RefusedInvalid, "entry", "entry.unreadable").WithParts(catalog.Unreadable(err))
		return catalog.Encode(c.out), nil
	}
	c.now = max(clock, e.Time)
	c.out.Time = c.now
	return c.end(clock, c.apply(e.Envelope))
}

// begin is the context of an entry, at the state's clock.
func (m *Machine) begin(tx records.Tx, seq uint64) (*applyContext, error) {
	clock, err := records.Clock(tx)
	return &applyContext{machine: m, base: tx, seq: seq, now: clock, out: catalog.Outcome{Seq: seq, Time: clock}}, err
}

// end records what applying an entry came to. clock is what the state's was before it.
func (c *applyContext) end(clock int64, err error) ([]byte, error) {
	if err != nil {
		r, fault := refusalOf(err)
		if fault != nil {
			return nil, fmt.Errorf("apply entry %d: %w", c.seq, fault)
		}
		c.out = catalog.Outcome{Seq: c.out.Seq, Time: c.out.Time, Kind: c.out.Kind, Repeat: c.out.Repeat, Refusal: r}
	}
	if !c.record && !c.out.Repeat {
		c.now, c.out.Time = clock, clock
	}
	if c.now > clock {
		if err := records.Put(c.base, records.KeyClock, c.now); err != nil {
			return nil, err
		}
	}
	if c.record {
		if err := remember(c.base, c.digest, c.payload.Expires, c.out); err != nil {
			return nil, err
		}
	}
	if c.seq%pruneEvery == 0 { // by the number of entries, and more at a time than so many can add
		if err := records.PruneSeen(c.base, c.now, pruneBatch); err != nil {
			return nil, err
		}
	}
	return catalog.Encode(c.out), nil
}

// refusalOf parts an error of a handler into a refusal and a fault of the store; of no
// error both are nil.
func refusalOf(err error) (*catalog.Refusal, error) {
	if r, refused := errors.AsType[*catalog.Refusal](err); refused {
		return r, nil
	}
	return nil, err
}

// applyContext is what the handler of one entry works on.
type applyContext struct {
	machine *Machine
	base    records.Tx // the store
	tx      records.Tx // what the handler writes to
	seq     uint64
	now     int64 // the state's clock
	cluster *catalog.Cluster
	signed  catalog.Envelope
	payload catalog.Payload
	digest  catalog.Digest     // of the envelope
	signer  *catalog.Principal // or nil
	node    *catalog.Node      // or nil
	record  bool               // the envelope was genuine and timely: keep its outcome
	out     catalog.Outcome
	short   *catalog.ShareTaken // what is known of a share whose entry is shortened, or nil
}

// apply verifies the envelope and runs its kind's handler. It returns a
// *Refusal, or a fault of the store.
func (c *applyContext) apply(e catalog.Envelope) error {
	c.signed, c.digest = e, e.Digest()
	var err error
	if c.cluster, err = c.machine.cache.Cluster(c.base); err != nil && !errors.Is(err, records.ErrNotFound) {
		return err
	}
	if c.cluster == nil {
		return found(c, e)
	}
	if c.signer, c.node, err = authenticate(c.base, c.cluster, e); err != nil {
		return err
	}
	if out, known, err := recall(c.base, c.digest); err != nil {
		return err
	} else if known {
		c.out = out
		return nil
	}
	if c.payload, err = parsePayload(e); err != nil {
		return err
	}
	if r := checkMeant(c.payload, c.now, e.Signer, c.cluster.ID.String(), catalog.MaxEnvelopeAge); r != nil {
		return r
	}
	c.out.Kind, c.record = c.payload.Kind, true
	return c.dispatch()
}

func (c *applyContext) run(handle func(*applyContext) error) error {
	o := overlay.New(c.base)
	c.tx = o
	if err := handle(c); err != nil {
		return err
	}
	return o.Flush(c.base)
}

// newID is the id of what the envelope makes. It is refused where anything has it, or
// had it: what was signed on the one would hold for the other.
func (c *applyContext) newID(prefix, letter string) (string, error) {
	id := c.machine.ids(letter, c.digest)
	return id, vacant(c.tx, prefix+id, "id_taken", "id.taken", id)
}

// putChanged stores a dataset and records the change of the catalog, of an amendment or a
// withdrawal with its time.
func (c *applyContext) putChanged(d catalog.Dataset, version int, what records.ChangeKind) error {
	change := records.Change{Dataset: d.ID, Version: version, What: what}
	if what != records.ChangeListed {
		change.At = c.now
	}
	return cmp.Or(
		records.Put(c.tx, records.PrefixChange+records.SeqName(c.seq), change),
		records.Put(c.tx, records.PrefixDataset+d.ID, d),
	)
}
