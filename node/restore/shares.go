package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/node/founding"
	"github.com/weirdata/weir/node/mpc"
)

// ErrShares is returned where a machine's shares of keys are not those of a backup's ledger.
var ErrShares = errors.New("the machine's shares are of another time than the backup")

// Gap is a publisher's key of which a machine's node is to have a share by a backup's ledger, and
// has none, or one of another sharing: with that one nothing is opened.
type Gap struct {
	Key       string
	Publisher string // its name
	Want      catalog.Sharing
	Have      []catalog.Sharing // of the key, oldest first
	Threshold int               // of so many nodes the shares are needed
	Nodes     []string          // that have one
}

// Gaps compares the keys in force in a backup's state with the shares that the node in dir has. vectors is of
// how many private vectors its share is missing.
func Gaps(ctx context.Context, dir string, key founding.SealKey, v state.View) (gaps []Gap, vectors int, err error) {
	card, err := founding.OwnCard(dir)
	if err != nil {
		return nil, 0, err
	}
	secrets, err := key.Read(ctx, dir)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, secrets.Close()) }()
	names, err := secrets.List("")
	if err != nil {
		return nil, 0, err
	}
	keys, err := v.Keys().All()
	if err != nil {
		return nil, 0, err
	}
	for _, k := range keys {
		if k.State != catalog.KeyReady || !slices.Contains(k.Holders(), card.ID) || slices.Contains(names, mpc.KeySecret(k)) {
			continue
		}
		who, err := v.Principal(k.Publisher)
		if err != nil {
			return nil, 0, err
		}
		gaps = append(gaps, Gap{
			Key: k.ID, Publisher: who.Name, Want: k.InForce(), Have: mpc.SharingsOf(k.ID, names), Threshold: k.Threshold, Nodes: k.Holders(),
		})
	}
	ready, err := v.Vectors().Ready()
	for _, x := range ready {
		if slices.Contains(x.InForce().Nodes, card.ID) && !slices.Contains(names, mpc.VectorSecret(x)) {
			vectors++
		}
	}
	return gaps, vectors, err
}

// String says what is missing, and what would help.
func (g Gap) String() string {
	var have []string
	newer := false
	for _, s := range g.Have {
		have = append(have, fmt.Sprint(s.Epoch))
		newer = newer || s.Epoch > g.Want.Epoch
	}
	what, help := "and the machine has none", "import the node's share again, one that was exported since the key was made"
	switch {
	case newer:
		what = "and the machine has that of epoch " + strings.Join(have, ", ")
		help = "take a backup that was made since the keys were shared anew, or a share that was exported before"
	case len(have) > 0:
		what = "and the machine has that of epoch " + strings.Join(have, ", ")
		help = "import a share that was exported since the keys were shared anew, or take a backup that was made before"
	}
	return fmt.Sprintf("key %s of %s: the backup needs a share of epoch %d, %s; it is opened with the shares of %d of %s: %s",
		g.Key, g.Publisher, g.Want.Epoch, what, g.Threshold, strings.Join(g.Nodes, ", "), help)
}
