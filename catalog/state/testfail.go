package state

import (
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/records"
)

// failTest takes a member's word that the test of an exact private query failed, or that
// the witnesses of its owner are wrong. The test says one bit, and with all members of
// the attempt agreed the query is over. Nothing of it was opened. Its price is not given
// back (PROTOCOL.md section 6.6).
func failTest(c *applyContext, b catalog.TestFailed) error {
	q, a, err := c.runningQuery(b.Query, b.Attempt)
	if err != nil {
		return err
	}
	d, err := records.Find[catalog.Dataset](c.tx, records.PrefixDataset+q.Dataset)
	if err != nil {
		return err
	}
	switch {
	case !slices.Contains(a.Active, c.node.ID):
		return catalog.Forbidden("member", "active.member", c.node.ID)
	case !q.Submit.Request.Listing(d.Descriptor):
		return catalog.Conflict("test", "test.none", q.ID)
	case slices.Contains(q.Failing, c.node.ID):
		return catalog.Conflict("twice", "test.said", c.node.ID)
	case slices.Contains(q.Shares, c.node.ID):
		return catalog.Conflict("test", "test.passed", c.node.ID)
	case len(q.Failing) > 0 && b.Witnesses != q.Witnesses:
		return catalog.Conflict("test", "test.disagree", q.ID)
	}
	q.Failing, q.Witnesses = inOrder(a.Active, append(q.Failing, c.node.ID)), b.Witnesses
	if len(q.Failing) < len(a.Active) {
		return c.putQuery(q)
	}
	if err := dropShares(c, &q); err != nil {
		return err
	}
	a.Failed, q.Reason = catalog.Why("test.failed"), catalog.Why(catalog.CodeTest)
	if b.Witnesses {
		a.Failed, q.Reason = catalog.Why("test.witnesses"), catalog.Why(catalog.CodeWitnesses)
	}
	q.State, q.Done = catalog.QueryFailed, c.now
	return c.putQuery(q)
}

// testFailed reports whether all members of the last attempt found the test of a query
// failed.
func testFailed(q catalog.Query) bool {
	return q.State == catalog.QueryFailed && q.Reason.Code == catalog.CodeTest
}
