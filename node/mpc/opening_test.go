package mpc

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/node/failure"
)

// silentPeers take every message.
type silentPeers struct{}

func (silentPeers) Send(context.Context, string, Message, []byte) error { return nil }

// A batch of which another member computed something else is doubted, number by number: what the sums were made of
// here, rollups among it, may be wrong. Nothing is contributed. An equal batch is not.
func TestSumsThatMembersDoNotAgreeOnAreDoubted(t *testing.T) {
	t.Parallel()
	p := dataParameters(t)
	n := &member{Options: Options{Params: p, Workers: 1, Peers: silentPeers{}}, id: "n1", mailbox: NewMailbox()}
	o := opening{session: "query/q/1", part: new(he.NodeKey), active: []catalog.Node{{ID: "n1", Point: 1}, {ID: "n2", Point: 2}}, root: "n2"}
	fill := func(_ context.Context, number int, acc *he.Accumulator) error {
		tile := make([]byte, p.TileBytes())
		copy(tile, []byte{'w', 'e', 'i', 'r', 1, 1, 13, 3, 1})
		binary.LittleEndian.PutUint64(tile[16:], uint64(number)) //nolint:gosec // small
		return acc.Add(tile)
	}
	digests := func(numbers ...int) (all []byte) {
		for _, number := range numbers {
			acc := he.NewAccumulator(p)
			if err := fill(t.Context(), number, acc); err != nil {
				t.Fatal(err)
			}
			d, err := acc.Digest()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d[:]...)
		}
		return all
	}
	for name, c := range map[string]struct {
		theirs []byte
		want   []int
	}{
		"equal": {digests(3, 5), nil},
		"other": {digests(3, 6), []int{3, 5}},
	} {
		o.session = "query/" + name + "/1"
		if err := n.mailbox.Put(Message{o.session, KindDigests, 0, "n2"}, c.theirs); err != nil {
			t.Fatal(err)
		}
		var doubted []int
		_, err := n.open(t.Context(), o, accumulators{
			numbers: []int{3, 5}, fill: fill,
			doubt: func(number int) { doubted = append(doubted, number) },
			take:  func(int, int, []uint64) error { return errors.New("opened") },
		})
		if !slices.Equal(doubted, c.want) || errors.Is(err, failure.ErrDeviates) != (c.want != nil) {
			t.Errorf("%s: doubted %v, %v", name, doubted, err)
		}
	}
}
