package judge

import (
	"errors"
	"fmt"
	"slices"

	"github.com/weirdata/weir/catalog"
	"github.com/weirdata/weir/catalog/disclosure"
	"github.com/weirdata/weir/catalog/records"
)

// listing is an exact query with a private partition on a protected dataset (RELEASE.md
// section 6). Nobody here knows who is in it: what is decided is what its figures would
// be summed from, and what the nodes have to test before they open any.
type listing struct {
	values [][]string // by attribute of the registry, what its codes stand for
	birth  []int32    // class → group by the attributes of the partition, of those that are selected
	asked  bool       // whether it must name its sources, as what is submitted does

	query disclosure.PortfolioQuery
	test  *disclosure.Test
}

// listingOf gathers what an exact query with a private partition is judged by.
func listingOf(r records.Reader, reg catalog.Registry, asked bool) (*listing, error) {
	l := &listing{asked: asked}
	for a := range reg.Columns {
		values, err := records.Find[[]string](r, records.CodesKey(reg.ID, a))
		if err != nil {
			return nil, err
		}
		l.values = append(l.values, values)
	}
	return l, nil
}

// groupListed forms the groups of an exact query with a private partition. They are made
// of whole groups of the attributes that it was registered by, as these were when the
// classes came to be: what was corrected since moves nobody.
func (v *evaluation) groupListed() error {
	use := v.partition()
	if r := v.checkListed(use); r != nil {
		return r
	}
	tree := v.rule.family.Tree()
	birth, groups, err := tree.BirthTable(v.table.Columns(), use.By, v.list.values)
	if err != nil {
		return err
	}
	if birth.Rows() == 0 {
		return v.noListed()
	}
	if r := v.groupRows(birth); r != nil {
		return r
	}
	ofBirth := v.assign
	v.assign = slices.Repeat([]int32{-1}, v.version.Entities)
	for i := range v.verdict.EntityGroups {
		v.verdict.EntityGroups[i].Of = 0
	}
	v.list.birth = slices.Clone(groups)
	for class, g := range groups {
		if g < 0 || ofBirth[g] < 0 {
			v.list.birth[class] = -1
			continue
		}
		for _, e := range tree.Members(int32(class)) { //nolint:gosec // a class
			if int(e) < len(v.assign) {
				v.assign[e] = ofBirth[g]
				v.verdict.EntityGroups[ofBirth[g]].Of++
			}
		}
	}
	return nil
}

// checkListed refuses groups and conditions by what the partition was not registered by.
func (v *evaluation) checkListed(use catalog.VectorUse) *catalog.Refusal {
	refuse := func(column, field string) *catalog.Refusal {
		r := catalog.Refuse(catalog.RefusedPolicy, "portfolio_groups", "portfolio.one_group", use.Name, column)
		if len(use.By) > 0 {
			r = catalog.Refuse(catalog.RefusedPolicy, "portfolio_groups", "portfolio.groups", use.Name, column, use.By)
		}
		return r.WithField(field)
	}
	for i, d := range v.request.By {
		if !d.OfEntities() {
			continue
		}
		name := d.Column
		if d.Kind == catalog.DimEntity {
			name = v.descriptor.Entity
		}
		if d.Kind == catalog.DimEntity || !slices.Contains(use.By, name) {
			return refuse(name, fmt.Sprintf("by[%d]", i))
		}
	}
	for _, column := range v.request.Where.Columns() {
		if column == "" || !slices.Contains(use.By, column) {
			if column == "" {
				column = v.descriptor.Entity
			}
			return refuse(column, "where")
		}
	}
	return nil
}

// protectListed takes what the versions up to the one asked for give, all together,
// never less, and makes the test that stands before it.
func (v *evaluation) protectListed() error {
	if r := checkWork(v.steps()); r != nil {
		return r
	}
	q := v.portfolioQuery()
	v.list.query = q
	a, err := v.allotListed(q)
	if err != nil {
		return err
	}
	for at, taken := range a.taken() {
		if periods := len(v.verdict.PeriodGroups); !taken {
			v.verdict.Withheld = append(v.verdict.Withheld, catalog.GroupIndex{Entity: at / periods, Period: at % periods})
		}
	}
	if len(v.verdict.Withheld) == v.grid {
		return v.noListed()
	}
	if n := len(v.verdict.Withheld); n > 0 && v.request.Complete {
		return catalog.Refuse(catalog.RefusedPolicy, "complete", "portfolio.incomplete", n).WithNumber("withheld", int64(n))
	}
	if v.list.test, err = v.rule.family.Test(v.descriptor.Dataset, q, v.rule.cells); err != nil {
		return v.refuseListed(err)
	}
	if large, is := errors.AsType[*disclosure.TooLargeError](v.list.test.Fits(v.partition().Pieces)); is {
		return catalog.TestProducts(large.Products, disclosure.MaxProducts)
	}
	a.layOut()
	return v.rule.cells.Fault()
}

// portfolioQuery is what the release rule is asked.
func (v *evaluation) portfolioQuery() disclosure.PortfolioQuery {
	q := disclosure.PortfolioQuery{
		Columns: disclosure.PortfolioColumns(v.verdict.Columns), Periods: slices.Concat(v.policyPeriods()...),
		Groups: v.list.birth, AsOf: v.version.Version, Live: v.rule.cells.Live,
	}
	slices.Sort(q.Periods)
	return q
}

// checkListedSources refuses a query whose asker saw other sources: a test would say
// something of the list that the asker did not mean to be tested.
func (v *evaluation) checkListedSources() *catalog.Refusal {
	want := catalog.Digest(v.rule.family.SourcesDigest(v.descriptor.Dataset, v.list.query))
	have := v.request.Sources
	if have == want || have.IsZero() && !v.list.asked {
		return nil
	}
	return catalog.Conflict("sources", "portfolio.sources", v.version.Version, v.descriptor.Dataset, have, want).
		WithField("sources")
}

// allotListed is what the groups take.
func (v *evaluation) allotListed(q disclosure.PortfolioQuery) (*allotment, error) {
	a := &allotment{evaluation: v, answer: &disclosure.Answer{Groups: slices.Repeat([]int32{-1}, len(q.Groups))}}
	tree := v.rule.family.Tree()
	for class := range q.Groups {
		if q.Groups[class] >= 0 {
			a.answer.Groups[class] = v.assign[tree.Members(int32(class))[0]] //nolint:gosec // a class
		}
	}
	for j, periods := range v.policyPeriods() {
		a.periods = append(a.periods, periods...)
		a.groups = append(a.groups, slices.Repeat([]int{j}, len(periods))...)
	}
	of := map[disclosure.Column][]disclosure.Taking{} // looked up only
	for _, c := range v.verdict.Columns {
		column := disclosure.Column{Measure: c.Measure}
		if c.Measure == "" { // cells of any measure: those of the first sum's classes
			column = q.Columns[0]
		}
		lists, known := of[column]
		if !known {
			for _, p := range a.periods {
				list, err := v.rule.family.PortfolioVersions(v.descriptor.Dataset, q, column, p)
				if err != nil {
					return nil, v.refuseListed(err)
				}
				lists = append(lists, disclosure.TakingOf(list))
			}
			of[column] = lists
		}
		a.answer.Taken = append(a.answer.Taken, lists...)
	}
	return a, v.rule.cells.Fault()
}

// refuseListed makes a refusal of what the release rule says of a version.
func (v *evaluation) refuseListed(err error) error {
	withdrawn, is := errors.AsType[*disclosure.WithdrawnError](err)
	if !is {
		return err
	}
	return catalog.Refuse(catalog.RefusedPolicy, "portfolio_withdrawn", "portfolio.withdrawn", withdrawn.AsOf, v.descriptor.Dataset, withdrawn.Version).
		WithNumber("as_of", int64(withdrawn.AsOf)).WithNumber("withdrawn", int64(withdrawn.Version)).WithField("release")
}

// noListed refuses a query of which no group can be answered.
func (v *evaluation) noListed() error {
	return catalog.Refuse(catalog.RefusedPolicy, "class", "portfolio.class", v.partition().Name)
}

// PortfolioTest is what the nodes have to test before they open anything of a query, and
// for how many pieces; nil where the query needs no test. It depends on nothing that
// happened since the query was accepted.
func PortfolioTest(c *records.Cache, r records.Reader, query string) (*disclosure.Test, int, error) {
	q, err := records.Find[catalog.Query](r, records.PrefixQuery+query)
	if err != nil {
		return nil, 0, err
	}
	d, err := records.Find[catalog.Dataset](r, records.PrefixDataset+q.Dataset)
	if err != nil || !q.Submit.Request.Listing(d.Descriptor) {
		return nil, 0, err
	}
	e, err := acceptedListing(c, r, q, d)
	if err != nil {
		return nil, 0, err
	}
	ask := e.portfolioQuery()
	ask.Live = nil // it was accepted: what was withdrawn since does not change it
	test, err := e.rule.family.Test(d.ID, ask, e.rule.cells)
	if err == nil {
		err = e.rule.cells.Fault()
	}
	return test, e.partition().Pieces, err
}

// acceptedListing is the evaluation of an accepted query as far as its groups.
func acceptedListing(c *records.Cache, r records.Reader, q catalog.Query, d catalog.Dataset) (e *evaluation, err error) {
	verdict, err := records.Find[catalog.Verdict](r, records.PrefixVerdict+q.ID)
	if err != nil {
		return e, err
	}
	version, err := records.Find[catalog.Version](r, records.PrefixVersion+records.VersionName(d.ID, q.Version))
	if err != nil {
		return e, err
	}
	reg, err := records.Find[catalog.Registry](r, records.PrefixRegistry+d.Descriptor.Registry)
	if err != nil {
		return e, err
	}
	table, err := c.Table(r, reg)
	if err != nil {
		return e, err
	}
	_, rule, err := c.FamilyOf(r, d.Owner, reg.ID)
	if err != nil {
		return e, err
	}
	e = &evaluation{
		descriptor: d.Descriptor, version: version, request: q.Submit.Request, table: table.Prefix(version.Entities),
		vectors: verdict.Vectors, rule: &protection{rule, c.CellsOf(r, d)},
	}
	if e.list, err = listingOf(r, reg, false); err != nil {
		return e, err
	}
	e.verdict.Columns, e.verdict.PeriodGroups = verdict.Columns, verdict.PeriodGroups
	return e, e.groupListed()
}
