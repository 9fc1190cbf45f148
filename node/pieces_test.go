package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/portfolio"
	"github.com/weirdata/weir/node/client/vector"
	"github.com/weirdata/weir/node/failure"
	"github.com/weirdata/weir/node/mpc"
)

// publicFirms is the dataset of the firms with readings that are anybody's.
var publicFirms = firmsDescriptor[:strings.Index(firmsDescriptor, "policy:")] + `policy:
  public: true
  aggregates: [count, sum, avg]
  grain: month
`

// A buyer that sorts its firms into pieces is answered what the plain loops over them
// give, with the pieces' names, which only its own machine knows.
func TestPiecesAnswerEqualPlaintext(t *testing.T) {
	t.Parallel()
	piecesAnswer(t, 3, 2)
}

// The same of four nodes, three of which open.
func TestPiecesAnsweredByThreeOfFourEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	piecesAnswer(t, 4, 3)
}

func piecesAnswer(t *testing.T, nodes, threshold int) {
	t.Helper()
	ctx, dir := testContext(t), t.TempDir()
	x := newFirmsOf(ctx, t, nodes, threshold, publicFirms, nil)
	buyer := x.clientWith(x.buyer.Key(), client.Options{Records: dir})
	bands := map[int]string{0: "half", 1: "all", 2: "half", 3: "quarter"} // by firm mod 7
	text := "firm,band\n"
	for f := range firmCount {
		if band, in := bands[f%7]; in {
			text += firmID(f) + "," + band + "\n"
		}
	}
	file := panel.File{Name: "mine.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	done, err := portfolio.Keep(ctx, buyer, dir, portfolio.Options{
		Name: "mine", Registry: "firms", File: portfolio.File{Data: file, Pieces: "band", By: []string{"county"}},
	})
	if err != nil || done.Vector.Pieces != 3 || done.Vector.Bits != 3 {
		t.Fatalf("%+v, %v", done.Vector, err)
	}
	var byPiece, byBoth [][]string
	for _, band := range []string{"all", "half", "quarter"} {
		sum, cells := x.sums(selected(func(f int) bool { return bands[f%7] == band }))
		total, n := 0, 0
		for _, county := range []string{"c0", "c1"} {
			total, n = total+sum[county], n+cells[county]
			byBoth = append(byBoth, []string{band, county, fmt.Sprintf("%d.%d", sum[county]/10, sum[county]%10), fmt.Sprint(cells[county])})
		}
		byPiece = append(byPiece, []string{fmt.Sprint(n), band, fmt.Sprintf("%d.%d", total/10, total%10)})
	}
	got := queryRows(ctx, t, buyer, `SELECT COUNT(co2), PIECE(mine), SUM(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY PIECE(mine)`)
	if d := cmp.Diff(byPiece, got); d != "" {
		t.Errorf("(-plaintext +answer)\n%s", d)
	}
	got = queryRows(ctx, t, buyer, `SELECT PIECE(mine), county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY PIECE(mine), county`)
	if d := cmp.Diff(byBoth, got); d != "" {
		t.Errorf("by county (-plaintext +answer)\n%s", d)
	}
	// As a whole it is whoever is in a piece.
	sum, _ := x.sums(selected(func(f int) bool { return bands[f%7] != "" }))
	total := sum["c0"] + sum["c1"]
	got = queryRows(ctx, t, buyer, `SELECT SUM(co2) FROM firms WHERE firm IN PRIVATE(mine)`)
	if d := cmp.Diff([][]string{{fmt.Sprintf("%d.%d", total/10, total%10)}}, got); d != "" {
		t.Errorf("as a whole (-plaintext +answer)\n%s", d)
	}
}

// pieceTest is a test of pieces as its members have it.
type pieceTest struct {
	*cluster
	structure *he.PieceStructure
	request   catalog.Request
	buyer     *client.Client
	sealed    []catalog.Digest // by point
	runs      int
}

// run has two nodes test the pieces, and returns what each of them says.
func (x *pieceTest) run(ctx context.Context, t *testing.T, pieceOf []int8, active ...string) (outcome []error) {
	t.Helper()
	x.runs++
	params := x.nodes[active[0]].products
	values := make([]uint64, len(pieceOf))
	for e, i := range pieceOf {
		if i >= 0 {
			values[e] = 1 << i
		}
	}
	spec := he.VectorSpec{Nodes: 3, Threshold: 2, Entities: len(pieceOf), Bits: x.structure.Pieces, Pieces: x.structure.Pieces}
	shares, err := he.DealVector(params, spec, values)
	if err != nil {
		t.Fatal(err)
	}
	outcome = make([]error, len(active))
	var all sync.WaitGroup
	hall := newHall(active)
	for i, id := range active {
		n := x.nodes[id]
		session := he.Session{Cluster: n.cluster, Purpose: fmt.Sprintf("test %d of pieces", x.runs), Attempt: 1}
		for _, id := range active {
			session.Active = append(session.Active, x.nodes[id].point)
		}
		all.Go(func() {
			outcome[i] = func() error {
				vector, err := he.ParseVectorShare(n.products, spec, n.point, shares[n.point-1])
				if err != nil {
					return err
				}
				bits, err := vector.Additive(session.Active)
				if err != nil {
					return err
				}
				share, err := n.mpc.Queries.WitnessShare(ctx, n.members, n.point, x.sealed[n.point-1], x.buyer.Key().ID(), x.request, x.structure)
				if err != nil {
					return err
				}
				witnesses, err := share.Additive(session.Active)
				if err != nil {
					return err
				}
				input := he.PieceInput{Structure: x.structure, Bits: bits, Witnesses: witnesses, Challenge: [32]byte{1}}
				return n.mpc.Queries.TestPieces(session, n.point, input, func(c mpc.Computation) error { return hall.run(ctx, n.point, c) })
			}()
		})
	}
	all.Wait()
	return outcome
}

// hall carries messages between members in this process.
type hall map[int]chan said

// said is a message and its sender.
type said struct {
	from int
	b    []byte
}

func newHall(active []string) hall {
	h := hall{}
	for _, id := range active {
		h[int(id[1]-'0')] = make(chan said, he.MaxPieceMessages)
	}
	return h
}

// run drives a member's computation to its end.
func (h hall) run(ctx context.Context, point int, c mpc.Computation) error {
	messages, err := c.Start()
	for {
		if err != nil {
			return err
		}
		for _, m := range messages {
			h[m.To] <- said{point, m.Bytes}
		}
		if c.Done() {
			return nil
		}
		select {
		case m := <-h[point]:
			messages, err = c.Receive(m.from, m.b)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// seal has the buyer seal the witnesses of a partition to the nodes.
func (x *pieceTest) seal(ctx context.Context, t *testing.T, pieceOf []int8) {
	t.Helper()
	roster, err := x.buyer.Cluster(ctx)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := vector.SealWitnesses(x.buyer, roster, x.request, x.structure, pieceOf)
	if err != nil {
		t.Fatal(err)
	}
	x.sealed = nil
	for i, b := range sealed {
		x.sealed = append(x.sealed, catalog.Sum(b))
		if err := x.nodes[fmt.Sprintf("n%d", i+1)].blobs.Put(ctx, catalog.Sum(b), b); err != nil {
			t.Fatal(err)
		}
	}
}

// Nodes open their own witnesses and come to what the rule says, and end the query by
// errors of their own where it fails, where the witnesses are those of another partition
// and where they are sealed for another query.
func TestMembersTestPiecesTogether(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := &pieceTest{cluster: newCluster(t, 3, 2, nil), request: catalog.Request{Version: 1, Dataset: "firms", In: "v-1"}}
	x.buyer = x.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	members := func(from, to int32) (list []int32) {
		for e := from; e < to; e++ {
			list = append(list, e)
		}
		return list
	}
	x.structure = &he.PieceStructure{
		Pieces: 2, Units: []he.PieceUnit{{Members: members(0, 20), Both: true}, {Members: members(20, 40), Both: true}}, Moves: []he.PieceMove{{Members: members(0, 40)}},
		Figures: []he.PieceFigure{{K: 3, Steps: []he.PieceStep{{Units: []int{0, 1}}}}},
	}
	pieces := func(first, second int) []int8 {
		out := slices.Repeat([]int8{-1}, 40)
		for e := range first {
			out[e] = 0
		}
		for e := range second {
			out[39-e] = 1
		}
		return out
	}
	want := func(what string, outcome []error, err error) {
		t.Helper()
		for i, got := range outcome {
			if !errors.Is(got, err) {
				t.Errorf("%s: member %d says %v, want %v", what, i+1, got, err)
			}
		}
	}
	good, bad := pieces(3, 4), pieces(3, 2)
	x.seal(ctx, t, good)
	want("a good partition", x.run(ctx, t, good, "n1", "n3"), nil)
	want("another set", x.run(ctx, t, good, "n2", "n3"), nil)
	want("a partition and the witnesses of another", x.run(ctx, t, bad, "n1", "n2"), mpc.ErrWitnesses)
	x.seal(ctx, t, bad)
	want("a piece of two", x.run(ctx, t, bad, "n1", "n2"), mpc.ErrTestFailed)
	x.request.AsOf = 2
	for _, err := range x.run(ctx, t, bad, "n1", "n2") {
		var refused *failure.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("witnesses of another query: %v", err)
		}
	}
}
