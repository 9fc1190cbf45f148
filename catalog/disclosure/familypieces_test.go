package disclosure

import (
	"errors"
	"slices"
)

// commitment is a private partition of one owner, registered by attributes.
type commitment struct {
	pieces int
	of     []int8 // entity → piece, −1 none
	by     []int
}

// owner has one commitment per column and period.
type owner struct {
	lists []commitment
	of    map[place]int // index of lists
	// conditions off
	twoLists bool // figures by a commitment's attributes and in total
	moving   bool // groups are by the attributes that hold when a version is published
}

type place struct {
	panel  int
	column Column
	period int64
}

// release hands the attacker every private figure that passes.
func (s *scenario) releasePrivate(o *owner) {
	for _, p := range s.panels {
		versions := s.family.Versions(p.dataset.ID)
		for _, c := range p.dataset.Columns() {
			byList := map[int][]int64{}
			for _, period := range s.livePeriods(p) {
				list := o.list(s, p, c, period)
				byList[list] = append(byList[list], period)
			}
			for list := range o.lists {
				periods := byList[list]
				for _, v := range versions {
					for _, period := range periods {
						s.ask(o, &o.lists[list], p, c, []int64{period}, v)
					}
					if len(periods) > 1 { // a query of several months at once
						s.ask(o, &o.lists[list], p, c, periods, v)
					}
				}
			}
		}
	}
}

// livePeriods are the periods that any version of the panel made live, ascending.
func (s *scenario) livePeriods(p *panel) []int64 {
	var out []int64
	for _, v := range s.family.Versions(p.dataset.ID) {
		for at := v.Closed.From; at < v.Closed.To; at++ {
			if !slices.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return out
}

// list is the commitment of a column and period; the first to need one chooses it.
func (o *owner) list(s *scenario, p *panel, c Column, period int64) int {
	at := place{p.number, c, period}
	list, known := o.of[at]
	if !known {
		list = s.rng.IntN(len(o.lists))
		o.of[at] = list
	}
	return list
}

// groups of classes of a list as of a version, one assignment for each group, so that a
// test of one says nothing of another.
func (s *scenario) groups(o *owner, x *commitment, p *panel, v *Settled) [][]int32 {
	tree := s.family.Tree()
	var out [][]int32
	split := func(groups []int32) {
		for g := int32(0); g <= slices.Max(groups); g++ {
			one := slices.Repeat([]int32{-1}, len(groups))
			for class, at := range groups {
				if at == g {
					one[class] = 0
				}
			}
			out = append(out, one)
		}
	}
	if tree.ClassesBy(v.Entities) == 0 {
		return nil
	}
	for range 1 + b2i(o.twoLists) {
		by := x.by
		if len(out) > 0 {
			by = nil
		}
		if !o.moving {
			groups, _ := tree.BirthGroups(by)
			split(groups[:tree.ClassesBy(v.Entities)])
			continue
		}
		codes := s.history[p.editions[v.Version-1].settled-1]
		assign := make([]int32, len(codes[0]))
		for _, a := range by {
			for e := range assign {
				assign[e] = assign[e]*16 + int32(codes[a][e])
			}
		}
		split(tree.Groups(assign)[:tree.ClassesBy(v.Entities)])
	}
	return out
}

// ask asks for the pieces' figures as of a version, in each group.
func (s *scenario) ask(o *owner, x *commitment, p *panel, c Column, periods []int64, v *Settled) {
	s.tb.Helper()
	for _, groups := range s.groups(o, x, p, v) {
		q := PortfolioQuery{Columns: []Column{c}, Periods: periods, Groups: groups, AsOf: v.Version}
		test, err := s.family.Test(p.dataset.ID, q, p)
		if err != nil {
			s.tb.Fatal(err)
		}
		failed := make([]bool, x.pieces)
		for _, f := range test.Passes(x.pieces, x.of) {
			failed[f.Piece] = true
		}
		s.countTest(test, x, failed)
		s.checkWithdrawn(p, q)
		for piece, failed := range failed {
			if failed {
				continue
			}
			for _, period := range periods {
				form := map[int]uint64{}
				versions, err := s.family.PortfolioVersions(p.dataset.ID, q, c, period)
				if err != nil {
					s.tb.Fatal(err)
				}
				for class, version := range versions {
					if version == 0 {
						continue
					}
					mine := slices.DeleteFunc(slices.Clone(s.family.Tree().Members(int32(class))), func(e int32) bool { return int(e) >= len(x.of) || int(x.of[e]) != piece })
					s.figure(form, p, int(version), c, period, mine)
				}
				s.truth.attacker.learn(form)
			}
		}
	}
}

// checkWithdrawn checks that with versions withdrawn there is the same figure or none.
func (s *scenario) checkWithdrawn(p *panel, q PortfolioQuery) {
	s.tb.Helper()
	withdrawn := q
	withdrawn.Live = func(version int) bool { return p.editions[version-1].live }
	for _, period := range q.Periods {
		got, err := s.family.PortfolioVersions(p.dataset.ID, withdrawn, q.Columns[0], period)
		if none := (*WithdrawnError)(nil); errors.As(err, &none) {
			s.reached["private figures withdrawn"]++
			continue
		}
		want, _ := s.family.PortfolioVersions(p.dataset.ID, q, q.Columns[0], period)
		if err != nil || !slices.Equal(got, want) {
			s.tb.Fatalf("%s as of %d with versions withdrawn: units of %v, %v; without %v", p.dataset.ID, q.AsOf, got, err, want)
		}
	}
}

func (s *scenario) countTest(test *Test, x *commitment, failed []bool) {
	later := slices.ContainsFunc(test.Figures, func(f TestFigure) bool { return len(f.Steps) > 1 })
	for piece, failed := range failed {
		if failed {
			s.reached["private figures refused"]++
			continue
		}
		s.reached["private figures"]++
		s.reached["private figures of later versions"] += b2i(later)
		for _, u := range test.Units {
			in, out := 0, 0
			for _, e := range u.Members {
				in += b2i(int(x.of[e]) == piece)
				out += b2i(int(x.of[e]) < 0)
			}
			s.reached["mixed pieces"] += b2i(in > 0 && out > 0)
		}
	}
}

// drawOwner draws an owner who knows presence and news of everything.
func (s *scenario) drawOwner() *owner {
	o := &owner{of: map[place]int{}}
	for range 1 + s.rng.IntN(2) {
		o.lists = append(o.lists, s.drawCommitment())
	}
	return o
}

func (s *scenario) drawCommitment() commitment {
	x := commitment{pieces: 1, of: make([]int8, s.entities)}
	switch s.rng.IntN(4) {
	case 0:
		x.by = []int{0}
	case 1:
		x.by = []int{1}
	case 2:
		x.by = []int{0, 1}
	}
	for e := range x.of {
		x.of[e] = -1
	}
	switch s.rng.IntN(6) {
	case 0: // anybody
		x.pieces = 1 + s.rng.IntN(3)
		share := 1 + s.rng.IntN(9)
		for e := range x.of {
			if s.rng.IntN(10) < share {
				x.of[e] = int8(s.rng.IntN(x.pieces))
			}
		}
	case 1: // one of each class, or all but one
		most := s.rng.IntN(2) == 0
		tree := s.family.Tree()
		for class := range tree.Classes() {
			members := tree.Members(int32(class))
			one := members[s.rng.IntN(len(members))]
			for _, e := range members {
				if (e == one) != most {
					x.of[e] = 0
				}
			}
		}
	case 2: // who has, or lacks, a cell
		p := s.panels[s.rng.IntN(len(s.panels))]
		if len(p.editions) == 0 {
			break
		}
		version := 1 + s.rng.IntN(len(p.editions))
		v := s.family.Versions(p.dataset.ID)[version-1]
		present, _ := p.Cells(version, p.dataset.Measures[s.rng.IntN(len(p.measures))], v.Closed.From)
		has := s.rng.IntN(2) == 0
		for e := range x.of {
			if present.Has(e) == has {
				x.of[e] = 0
			}
		}
	default:
		s.drawByNews(&x)
	}
	return x
}

// drawByNews draws a piece that takes, of each unit of a source, one of those with news,
// all but one, about half or k of them, or none, and any of the others.
func (s *scenario) drawByNews(x *commitment) {
	p := s.panels[s.rng.IntN(len(s.panels))]
	versions := s.family.Versions(p.dataset.ID)
	if len(versions) == 0 {
		return
	}
	v := versions[s.rng.IntN(len(versions))]
	c := v.Columns[s.rng.IntN(len(v.Columns))]
	source := v.Source(c, v.Closed.From+s.rng.Int64N(v.Closed.To-v.Closed.From))
	if source == nil {
		return
	}
	x.pieces = 1 + s.rng.IntN(2)
	rest := s.rng.IntN(3)
	for _, u := range source.Units() {
		members := s.members(u)
		s.rng.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		var news []int32
		for _, e := range members {
			if source.News().Has(int(e)) {
				news = append(news, e)
			} else if rest == 0 || rest == 1 && s.rng.IntN(2) == 0 {
				x.of[e] = int8(s.rng.IntN(x.pieces))
			}
		}
		take := []int{0, 1, s.k, len(news) / 2, len(news) - 1, len(news) - s.k, len(news)}[s.rng.IntN(7)]
		for _, e := range news[:max(0, min(take, len(news)))] {
			x.of[e] = 0
		}
	}
}
