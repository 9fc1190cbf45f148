package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/node/api/wire"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/sealed"
)

// askedQuery is a query as this client signed it.
type askedQuery struct {
	id       string
	envelope catalog.Digest
	receipt  wire.Receipt
	again    bool        // it was asked before, and not answered here
	repeats  string      // the query that a node says is the answer, while this one is not recorded
	repeated *wire.Query // that query with its answer, where it came with its name
	signed   catalog.Envelope
	file     string // where its envelope is kept until it is answered; empty: nowhere
}

// askQuery signs and submits a request under the contracts that cover it, which it
// completes the request with. The envelope's digest is computed here: the shares open
// under no other. With o.Keep the envelope is kept until the query is answered: asked
// again after an interruption it is sent again, which the ledger knows for the same
// query and charges once.
func askQuery(ctx context.Context, c *client.Client, d catalog.Dataset, r *catalog.Request, o Options) (askedQuery, error) {
	if c.Key() == nil {
		return askedQuery{}, fmt.Errorf("query dataset %s: %w", d.ID, client.ErrNoKey)
	}
	for _, named := range [2]*string{&o.Contract, &o.JoinContract} { // by which the file is found, too
		if *named == "" {
			continue
		}
		id, err := c.ID(ctx, catalog.LetterContract, *named)
		if err != nil {
			return askedQuery{}, err
		}
		*named = id
	}
	ask, list, err := listed(ctx, c, d, r, o)
	if err != nil {
		return askedQuery{}, err
	}
	file, err := askedFile(c, *r, o)
	if err != nil {
		return askedQuery{}, err
	}
	envelope, again, err := keptEnvelope(c, file, r)
	if err != nil {
		return askedQuery{}, err
	}
	if !again {
		contract, err := contractsFor(ctx, c, d, r, o)
		if err != nil {
			return askedQuery{}, err
		}
		witnesses, err := sendWitnesses(ctx, c, d, *r, ask, list)
		if err != nil {
			return askedQuery{}, err
		}
		envelope, err = c.Sign(catalog.KindQuerySubmit, catalog.QuerySubmit{Contract: contract, Receiving: c.Key().Public().Receiving, Request: *r, Witnesses: witnesses})
		if err != nil {
			return askedQuery{}, err
		}
		if err := keepEnvelope(file, envelope); err != nil {
			return askedQuery{}, err
		}
	}
	asked := askedQuery{id: catalog.QueryID(envelope.Digest()), envelope: envelope.Digest(), again: again, file: file, signed: envelope}
	prefer := ""
	if mayRepeat(*r, o) && !again {
		prefer = preferRepeat
	}
	return asked.sent(ctx, c, prefer)
}

// preferRepeat has an earlier query answer one, and its answer come with its name.
const preferRepeat = wire.PreferRepeat + ", " + wire.PreferAnswer

// sent is the query after a node was sent its envelope, preferably to answer it by an earlier one.
func (a askedQuery) sent(ctx context.Context, c *client.Client, prefer string) (askedQuery, error) {
	done, err := c.SendPreferring(ctx, catalog.KindQuerySubmit, a.signed, prefer)
	if err != nil {
		if _, refused := client.IsRefused(err); refused {
			err = errors.Join(err, a.forget())
		}
		return askedQuery{}, err
	}
	a.receipt, a.repeats, a.repeated = done.Receipt, "", nil
	if prefer == preferRepeat && done.Repeats != "" {
		a.repeats, a.repeated = done.Repeats, done.Repeated
		return a, nil
	}
	if done.Outcome.ID != a.id {
		return a, fmt.Errorf("%w: the node calls the query %s, its envelope says %s", client.ErrPinned, done.Outcome.ID, a.id)
	}
	return a, nil
}

// forget removes the envelope of a query that is answered, refused or failed.
func (a askedQuery) forget() error {
	if a.file == "" {
		return nil
	}
	if err := os.Remove(a.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the envelope of query %s: %w", a.id, err)
	}
	return nil
}

// askedFile is where the envelope of a query is kept: under a keyed hash of all that
// is asked, contracts being those that were named.
func askedFile(c *client.Client, r catalog.Request, o Options) (string, error) {
	if o.Keep == "" {
		return "", nil
	}
	body, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode the query: %w", err)
	}
	h := c.Key().Sealed().MAC()
	fmt.Fprintf(h, "weir asked 1\n%s\n%q\n%q\n%s\n", c.Profile().Cluster, o.Contract, o.JoinContract, body) //nolint:errcheck // hash.Hash: Write never returns an error
	return filepath.Join(o.Keep, "asked", sealed.Hex(h)+".json"), nil
}

// keptEnvelope is the envelope in a file, if it may still be sent: the ledger takes
// none that has expired. The request is completed from it. One that is damaged, too
// old or of another request is as if it were not there.
func keptEnvelope(c *client.Client, file string, r *catalog.Request) (catalog.Envelope, bool, error) {
	if file == "" {
		return catalog.Envelope{}, false, nil
	}
	b, err := os.ReadFile(file) //nolint:gosec // made of a hash
	if errors.Is(err, fs.ErrNotExist) {
		return catalog.Envelope{}, false, nil
	}
	if err != nil {
		return catalog.Envelope{}, false, fmt.Errorf("look for the query as it was asked before: %w", err)
	}
	var e catalog.Envelope
	var p catalog.Payload
	var asked catalog.QuerySubmit
	if json.Unmarshal(b, &e) != nil || json.Unmarshal(e.Payload, &p) != nil || json.Unmarshal(p.Body, &asked) != nil ||
		p.Kind != catalog.KindQuerySubmit || c.Now().UnixMilli() >= p.Expires {
		return catalog.Envelope{}, false, nil
	}
	same := *r
	if r.Join != nil && asked.Request.Join != nil {
		join := *r.Join
		join.Contract = asked.Request.Join.Contract
		same.Join = &join
	}
	if !reflect.DeepEqual(same, asked.Request) {
		return catalog.Envelope{}, false, nil
	}
	*r = same
	return e, true, nil
}

func keepEnvelope(file string, e catalog.Envelope) error {
	if file == "" {
		return nil
	}
	b, err := json.Marshal(e)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep the query until it is answered: %w", err)
	}
	return nil
}
