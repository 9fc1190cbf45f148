package state

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/judge"
	"github.com/weirdata/weir/catalog/records"
	"github.com/weirdata/weir/catalog/records/overlay"
	"github.com/weirdata/weir/catalog/view"
)

// View reads one consistent version of the state. Getters return ErrNotFound
// for what is not there. A View is as safe for concurrent use as its Reader.
type View struct {
	view.View
	machine *Machine
	r       records.Reader
}

// View returns a view of what r reads.
func (m *Machine) View(r records.Reader) View {
	return View{View: view.New(&m.cache, r), machine: m, r: r}
}

// Authenticate returns the *Refusal that an envelope meets which its signer did
// not sign, and nil for every other one; before the founding nobody is known,
// and it is nil. A principal that this view does not know yet is refused, so a
// refusal counts only on a view that is up to date.
func (v View) Authenticate(e catalog.Envelope) (*catalog.Refusal, error) {
	cluster, err := v.machine.cache.Cluster(v.r)
	if errors.Is(err, records.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, _, err = authenticate(v.r, cluster, e)
	return refusalOf(err)
}

// RosterOf is among whom all that a verdict is computed from is shared (judge.RosterOf).
func (v View) RosterOf(verdict catalog.Verdict) (catalog.KeyRoster, error) {
	return judge.RosterOf(&v.machine.cache, v.r, verdict)
}

// Holds is why a seat that leaves may not go yet; nil: it may.
func (v View) Holds(node string) (*catalog.Refusal, error) {
	now, err := records.Clock(v.r)
	if err != nil {
		return nil, err
	}
	return judge.SeatHolds(v.r, node, now)
}

// PreviewDataset is the refusal that a principal's dataset would meet now, nil when it
// would be created. Nothing is changed.
func (v View) PreviewDataset(principal string, b catalog.DatasetCreate) (*catalog.Refusal, error) {
	p, err := v.Principal(principal)
	if err != nil {
		return nil, err
	}
	now, err := records.Clock(v.r)
	if err != nil {
		return nil, err
	}
	cluster, err := v.machine.cache.Cluster(v.r)
	if err != nil {
		return nil, err
	}
	c := applyContext{
		machine: v.machine, tx: overlay.New(v.r), now: now, cluster: cluster, signer: &p,
		payload: catalog.Payload{Kind: catalog.KindDatasetCreate, Body: catalog.Encode(b)},
	}
	return refusalOf(createDataset(&c, b))
}

// Preview judges a principal's query as Apply would now, and changes nothing. For a
// private selector that is not registered yet NewVector may stand.
func (v View) Preview(principal string, q catalog.QuerySubmit) (judge.Preview, *catalog.Refusal, error) {
	return judge.PreviewQuery(&v.machine.cache, v.r, principal, q)
}

// NoiseBudget returns what a noised query would cost that principal and what is
// left to pay it; nil for an exact one.
func (v View) NoiseBudget(principal string, q catalog.QuerySubmit) (*catalog.NoiseBudget, error) {
	return judge.NoiseBudget(v.r, principal, q)
}

// PortfolioTest is what the nodes have to test before they open anything of a query, and
// for how many pieces; nil where the query needs no test. It depends on nothing that
// happened since the query was accepted.
func (v View) PortfolioTest(query string) (*disclosure.Test, int, error) {
	return judge.PortfolioTest(&v.machine.cache, v.r, query)
}
