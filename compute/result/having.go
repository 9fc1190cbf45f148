package result

import (
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/compute/aggregate"
	"github.com/weirdata/weir/compute/sql"
)

// checkHaving refuses a condition that may have come from elsewhere and is none. depth is
// how deep it may be nested.
func checkHaving(h *sql.Having, c *sql.Compiled, d catalog.Descriptor, depth int) error {
	if depth == 0 {
		return fmt.Errorf("the condition of HAVING is nested too deeply")
	}
	compares := slices.Contains([]string{sql.OpEQ, sql.OpNE, catalog.OpLt, catalog.OpLe, catalog.OpGt, catalog.OpGe}, h.Op)
	switch {
	case compares && (h.Of == nil || len(h.Args) > 0),
		!compares && (h.Of != nil || h.Op != catalog.OpAnd && h.Op != catalog.OpOr && h.Op != catalog.OpNot),
		h.Op == catalog.OpNot && len(h.Args) != 1:
		return fmt.Errorf("%q is no condition of HAVING", h.Op)
	case compares:
		if _, ok := aggregate.ParseNumber(h.Number); !ok {
			return fmt.Errorf("%.80q is no number of HAVING", h.Number)
		}
		if h.Of.Kind == sql.OutputExpression {
			if h.Of.Expr == nil || h.Of.Expr.Textual() {
				return fmt.Errorf("HAVING compares no number")
			}
			return checkExpr(h.Of.Expr, c, d, depth-1)
		}
		return checkOutput(c, *h.Of, d)
	}
	for i := range h.Args {
		if err := checkHaving(&h.Args[i], c, d, depth-1); err != nil {
			return err
		}
	}
	return nil
}

// outcome is SQL's: true, false, or unknown for comparisons with NULL.
type outcome int

const (
	isFalse outcome = iota
	unknown
	isTrue
)

// holds decides on a group.
func (w *figures) holds(h *sql.Having, group int) outcome {
	switch h.Op {
	case catalog.OpNot:
		return isTrue - w.holds(&h.Args[0], group)
	case catalog.OpAnd, catalog.OpOr:
		out := map[string]outcome{catalog.OpAnd: isTrue, catalog.OpOr: isFalse}[h.Op]
		for i := range h.Args {
			t := w.holds(&h.Args[i], group)
			if h.Op == catalog.OpAnd {
				out = min(out, t)
			} else {
				out = max(out, t)
			}
		}
		return out
	}
	q := w.column(*h.Of).figures[group]
	if q.Null() {
		return unknown
	}
	number, _ := aggregate.ParseNumber(h.Number) // checked by check
	if sql.Compares(h.Op, q.Against(number)) {
		return isTrue
	}
	return isFalse
}
