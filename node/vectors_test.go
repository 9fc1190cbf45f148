package node

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/explain"
	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/catalog/state"
	"github.com/weirdata/weir/compute/he"
	"github.com/weirdata/weir/compute/seal"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/client/publish"
	"github.com/weirdata/weir/node/client/vector"
)

// firms is a small protected dataset: monthly emissions of forty firms in two
// counties, some missing.
const firmsDescriptor = `dataset: firms
title: {en: Test emissions, zh: 测试排放}
license: CC0-1.0
entity: {column: firm, attributes: [county]}
period: {column: period, grain: month}
utc_offset: "+08:00"
missing: [""]
measures:
  - {name: co2, column: co2, unit: t, range: [0, 1000], decimals: 1}
policy:
  aggregates: [count, sum, avg, wavg]
  grain: month
  min_cohort: 4
  dp: {epsilon_per_query: 1, epsilon_per_contract: 10, epsilon_family: 20, delta: 1e-9}
`

const firmCount = 40

// firm is one cell in tenths; missing is −1.
type firmCell struct{ firm, month, co2 int }

func firmCells() (list []firmCell) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test's readings
	for f := range firmCount {
		for m := 1; m <= 3; m++ {
			x := firmCell{f, m, r.IntN(10000)}
			if f%11 == 5 && m == 2 {
				x.co2 = -1
			}
			list = append(list, x)
		}
	}
	return list
}

func firmID(f int) string     { return fmt.Sprintf("f%02d", f) }
func firmCounty(f int) string { return fmt.Sprintf("c%d", f%2) }

func firmsCSV(list []firmCell) []byte {
	var b bytes.Buffer
	b.WriteString("firm,county,period,co2\n")
	for _, x := range list {
		value := fmt.Sprintf("%d.%d", x.co2/10, x.co2%10)
		if x.co2 < 0 {
			value = ""
		}
		fmt.Fprintf(&b, "%s,%s,2024-%02d,%s\n", firmID(x.firm), firmCounty(x.firm), x.month, value)
	}
	return b.Bytes()
}

// exchangeOf is a cluster with the firms published and a contract on them.
type exchangeOf struct {
	*cluster
	bureau, buyer *client.Client
	list          []firmCell
	registry      catalog.Registry
	order         []string // ids in the registry's order
}

func newFirms(ctx context.Context, t testing.TB, n, threshold int) *exchangeOf {
	t.Helper()
	return newFirmsOf(ctx, t, n, threshold, firmsDescriptor, nil)
}

func newFirmsOf(ctx context.Context, t testing.TB, n, threshold int, descriptor string, configure func(*Options)) *exchangeOf {
	t.Helper()
	x := &exchangeOf{cluster: newCluster(t, n, threshold, configure), list: firmCells()}
	x.bureau = x.publisher(ctx, "bureau")
	x.buyer = x.admit(ctx, newKey(t, "bank"), catalog.RoleBuyer)
	p := prepareText(ctx, t, descriptor, firmsCSV(x.list), nil)
	if _, err := publish.Publish(ctx, x.bureau, p, nil); err != nil {
		t.Fatal(err)
	}
	contractWith(ctx, t, x.buyer, x.bureau, catalog.OrderCreate{Dataset: "firms", Portfolio: !p.Source.Descriptor.Policy.Public})
	var err error
	if x.registry, err = x.buyer.Registry(ctx, "firms"); err != nil {
		t.Fatal(err)
	}
	rows, err := x.buyer.RegistryRows(ctx, "firms", x.registry.Rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		x.order = append(x.order, r[0])
	}
	return x
}

// vector is a plan with a weight for every firm.
func (x *exchangeOf) vector(name string, bits int, weight func(firm int) uint64) vector.Plan {
	p := vector.Plan{Name: name, Registry: x.registry, Bits: bits, Values: make([]uint64, len(x.order))}
	if bits == 1 {
		p.Pieces = 1
	}
	for f := range firmCount {
		p.Values[slices.Index(x.order, firmID(f))] = weight(f)
	}
	return p
}

func (x *exchangeOf) register(ctx context.Context, t testing.TB, p vector.Plan) catalog.Vector {
	t.Helper()
	v, err := vector.Register(ctx, x.buyer, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func selected(yes func(int) bool) func(int) uint64 {
	return func(f int) uint64 {
		if yes(f) {
			return 1
		}
		return 0
	}
}

// sums are the plain loops: per county, Σ weight·co2 in tenths and the cells.
func (x *exchangeOf) sums(weight func(int) uint64) (sum, cells map[string]int) {
	sum, cells = map[string]int{}, map[string]int{}
	for _, c := range x.list {
		if w := int(weight(c.firm)); c.co2 >= 0 && w > 0 { //nolint:gosec // a test's weight
			sum[firmCounty(c.firm)] += w * c.co2
			cells[firmCounty(c.firm)] += w
		}
	}
	return sum, cells
}

func TestPrivateSelectorAnswersEqualPlaintext(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	for _, shape := range []struct{ n, t int }{{3, 2}, {4, 3}} {
		t.Run(fmt.Sprintf("%d of %d", shape.t, shape.n), func(t *testing.T) {
			ctx := testContext(t)
			x := newFirms(ctx, t, shape.n, shape.t)
			mine := selected(func(f int) bool { return f%4 < 2 })
			plan := x.vector("mine", 1, mine)
			plan.By = []string{"county"}
			v := x.register(ctx, t, plan)
			if v.State != catalog.VectorReady {
				t.Fatalf("the vector is %s", v.State)
			}
			sum, cells := x.sums(mine)
			var want [][]string
			for _, county := range []string{"c0", "c1"} {
				want = append(want, []string{county, fmt.Sprintf("%d.%d", sum[county]/10, sum[county]%10), fmt.Sprint(cells[county])})
			}
			sql := `SELECT county, SUM(co2), COUNT(co2) FROM firms WHERE firm IN PRIVATE(mine) GROUP BY county`
			if d := cmp.Diff(want, queryRows(ctx, t, x.buyer, sql)); d != "" {
				t.Errorf("(-plaintext +answer)\n%s", d)
			}
			// The same portfolio once more, for other periods; nothing is uploaded.
			got := queryRows(ctx, t, x.buyer, `SELECT SUM(co2), COUNT(*) FROM firms WHERE firm IN PRIVATE(mine) AND period = '2024-01'`)
			total, n := 0, 0
			for _, c := range x.list {
				if c.month == 1 && mine(c.firm) == 1 {
					total, n = total+c.co2, n+1
				}
			}
			if d := cmp.Diff([][]string{{fmt.Sprintf("%d.%d", total/10, total%10), fmt.Sprint(n)}}, got); d != "" {
				t.Errorf("(-plaintext +answer)\n%s", d)
			}
		})
	}
}

// Nodes reject what is no vector, say which check it was, and keep nothing.
func TestBadVectorsAreRejected(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	params, err := he.NewProductParameters(he.DefaultProductParameters())
	if err != nil {
		t.Fatal(err)
	}
	spec := he.VectorSpec{Nodes: 3, Threshold: 2, Entities: x.registry.Rows, Bits: 1, Pieces: 1}
	values := x.vector("", 1, selected(func(int) bool { return true })).Values
	deal := func() [][]byte {
		shares, err := he.DealVector(params, spec, values)
		if err != nil {
			t.Fatal(err)
		}
		return shares
	}
	var cluster catalog.Cluster
	if cluster, err = x.buyer.Cluster(ctx); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		name   string
		owner  string // whom the shares are sealed for
		change func([][]byte) [][]byte
		pieces int     // 1 where 0
		limits []int32 // of weights of one bit; nil: it is a partition
		want   string
	}{
		"two pieces":               {name: "vf", pieces: 3, change: func([][]byte) [][]byte { return twice(t, params, x.registry.Rows) }, want: "an entity is in two pieces"},
		"truncated":                {name: "va", change: func(s [][]byte) [][]byte { s[2] = s[2][:len(s[2])-1]; return s }, want: "not one of this vector"},
		"another point's":          {name: "vb", change: func(s [][]byte) [][]byte { s[1], s[2] = s[2], s[1]; return s }, want: "not one of this vector"},
		"another buyer's":          {name: "vc", owner: x.bureau.Key().ID(), want: "does not open"},
		"two vectors":              {name: "vd", change: func(s [][]byte) [][]byte { s[2] = deal()[2]; return s }, want: "polynomial"},
		"a weight above its limit": {name: "vg", limits: append(slices.Repeat([]int32{1}, x.registry.Rows-1), 0), want: "a weight has more bits than its entity's may"},
		"an entry of 2":            {name: "ve", change: func(s [][]byte) [][]byte { return raised(params.T(), s) }, want: "neither 0 nor 1"},
	} {
		t.Run(name, func(t *testing.T) {
			shares := deal()
			if c.change != nil {
				shares = c.change(shares)
			}
			owner := c.owner
			if owner == "" {
				owner = x.buyer.Key().ID()
			}
			body := catalog.VectorRegister{
				Name: c.name, Version: 1, Registry: "firms", Entities: x.registry.Rows, Rows: x.registry.Digest,
				Bits: max(c.pieces, 1), Pieces: max(c.pieces, 1), Modulus: params.T(),
			}
			if c.limits != nil {
				body.Pieces, body.Limits = 0, assignment.Pack(c.limits)
			}
			for i, node := range cluster.Nodes {
				b, err := seal.Seal(node.Sealing, []byte(seal.VectorInfo), body.AAD(cluster, owner, i+1), shares[i])
				if err != nil {
					t.Fatal(err)
				}
				body.Shares = append(body.Shares, catalog.Sum(b))
				if err := x.nodes["n1"].blobs.Put(ctx, catalog.Sum(b), b); err != nil {
					t.Fatal(err)
				}
			}
			done, err := x.buyer.Submit(ctx, catalog.KindVectorRegister, body)
			if err != nil {
				t.Fatal(err)
			}
			var v catalog.Vector
			x.await(ctx, "the vector to be rejected", func() bool {
				err := x.nodes["n2"].view(func(view state.View) (err error) {
					v, err = view.Vectors().Get(done.Outcome.ID)
					return err
				})
				return err == nil && v.Over()
			})
			if v.State != catalog.VectorRejected || !strings.Contains(explain.Reason(v.Reason), c.want) {
				t.Errorf("the vector is %s (%s), want it rejected: %s", v.State, explain.Reason(v.Reason), c.want)
			}
		})
	}
}

// twice are the shares of three pieces with an entity that is in two of them. As weights
// of three bits they are all right.
func twice(t *testing.T, p he.ProductParameters, rows int) [][]byte {
	t.Helper()
	values := slices.Repeat([]uint64{1}, rows)
	values[rows-1] = 0b101
	shares, err := he.DealVector(p, he.VectorSpec{Nodes: 3, Threshold: 2, Entities: rows, Bits: 3}, values)
	if err != nil {
		t.Fatal(err)
	}
	return shares
}

// raised are the shares, 2 of 3, of the vector with one more in its first entry: the
// line through 1 at 0 and 0 at 1, where the share is a seed, is −1 at 2 and −2 at 3.
func raised(modulus uint64, shares [][]byte) [][]byte {
	const header, width = 24, 58
	for point := 2; point <= 3; point++ {
		body := shares[point-1][header:]
		first := binary.LittleEndian.Uint64(body)
		entry := (first&(1<<width-1) + modulus - uint64(point-1)) % modulus //nolint:gosec // 2 or 3
		binary.LittleEndian.PutUint64(body, first&^(1<<width-1)|entry)
	}
	return shares
}
