package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/strictjson"
)

// Query answers GET /v1/queries/{id}: the ledger's record and, while the node that was
// asked computes it, how far that node is.
type Query struct {
	catalog.Query
	// Progress is absent where the node has no part in the attempt under way, or its part
	// is done.
	Progress *Progress `json:"progress,omitempty"`
	// Answer is of a query that is done, where the caller prefers it (PreferAnswer) and all of it can be had.
	Answer *Answer `json:"answer,omitempty"`
}

// Answer is what nodes hand out of a query that is done: what GET /v1/cluster, and GET /v1/queries/{id}/verdict,
// /shares and /receipt answer.
type Answer struct {
	Cluster catalog.Cluster `json:"cluster"`
	Verdict json.RawMessage `json:"verdict"`
	Shares  []SealedShare   `json:"shares"`
	Receipt string          `json:"receipt" doc:"A tlog-proof"`
}

// Progress is how far one node is with its part of a query's attempt. It is what the node
// knows in memory: it is in no ledger, and gone with the attempt. The totals are those of
// the plan, which the query's owner has. What is done is told in steps (see package node).
type Progress struct {
	Attempt       int   `json:"attempt"`
	Stage         Stage `json:"stage" enum:"waiting,tiles,openings,test,products,answer"`
	Tiles         int64 `json:"tiles"` // added up
	TilesTotal    int64 `json:"tiles_total"`
	Openings      int64 `json:"openings"` // sums of tiles opened
	OpeningsTotal int64 `json:"openings_total"`
	Products      int64 `json:"products"` // slots of opened sums multiplied, by each other or by a private vector
	ProductsTotal int64 `json:"products_total"`
}

// Stage is what a node is doing for a query. Tiles and openings take turns.
type Stage string

// Stages of a query, in order.
const (
	StageWaiting  Stage = "waiting"  // the node has not begun: others come first
	StageTiles    Stage = "tiles"    // tiles are added up
	StageOpenings Stage = "openings" // the sums are opened, with the other members
	StageTest     Stage = "test"     // a private query's partition is tested
	StageProducts Stage = "products" // shares are multiplied
	StageAnswer   Stage = "answer"   // the node's share is sealed and on its way to the ledger
)

var stages = []Stage{StageWaiting, StageTiles, StageOpenings, StageTest, StageProducts, StageAnswer}

// What a step of a query takes on a node: rough figures for three nodes on two cores, not
// a calibration. They estimate a query's time, and weigh its counts against each other.
const (
	CostOpening = time.Millisecond      // shares, masks and their exchange, of one accumulator
	CostTile    = 60 * time.Microsecond // reading 369 kB and adding it
	CostProduct = 2 * time.Microsecond  // one entry of a product of shares, both ways
)

// Fraction is how much of the work is done, 0 to 1.
func (p Progress) Fraction() float64 {
	cost := func(tiles, openings, products int64) time.Duration {
		return time.Duration(tiles)*CostTile + time.Duration(openings)*CostOpening + time.Duration(products)*CostProduct
	}
	total := cost(p.TilesTotal, p.OpeningsTotal, p.ProductsTotal)
	if total <= 0 {
		return 0
	}
	return float64(cost(p.Tiles, p.Openings, p.Products)) / float64(total)
}

// ParseProgress reads a Progress strictly. What is null or absent is none; what has fields
// or values that are not known here is an error, and says nothing.
func ParseProgress(raw []byte) (*Progress, error) {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil, nil //nolint:nilnil // there is none
	}
	var p Progress
	if err := strictjson.Decode(raw, &p); err != nil {
		return nil, fmt.Errorf("read the progress: %w", err)
	}
	return &p, p.check()
}

// maxCount is more than any count can be, and so small that sums of costs are exact.
const maxCount = 1 << 40

func (p Progress) check() error {
	if p.Attempt < 1 {
		return fmt.Errorf("read the progress: attempt %d", p.Attempt)
	}
	if !slices.Contains(stages, p.Stage) {
		return fmt.Errorf("read the progress: no stage is called %.40q", p.Stage)
	}
	for _, c := range []struct {
		what        string
		done, total int64
	}{{"tiles", p.Tiles, p.TilesTotal}, {"openings", p.Openings, p.OpeningsTotal}, {"products", p.Products, p.ProductsTotal}} {
		if c.done < 0 || c.done > c.total || c.total > maxCount {
			return fmt.Errorf("read the progress: %d of %d %s", c.done, c.total, c.what)
		}
	}
	return nil
}
