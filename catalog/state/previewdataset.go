package state

import (
	"errors"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

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
		machine: v.machine, tx: newOverlay(unwritten{v.r}), now: now, cluster: cluster, signer: &p,
		payload: catalog.Payload{Kind: catalog.KindDatasetCreate, Body: catalog.Encode(b)},
	}
	err = createDataset(&c, b)
	var refusal *catalog.Refusal
	if errors.As(err, &refusal) {
		return refusal, nil
	}
	return nil, err
}

// unwritten is the Tx under an overlay that is never written back.
type unwritten struct{ records.Reader }

var errUnwritten = errors.New("a preview writes nothing")

// Set implements Tx.
func (unwritten) Set(_, _ []byte) error { return errUnwritten }

// Delete implements Tx.
func (unwritten) Delete(_ []byte) error { return errUnwritten }
