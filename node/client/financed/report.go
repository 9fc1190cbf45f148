package financed

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/weirdata/weir/catalog/shown"
	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/pcaf"
	"github.com/weirdata/weir/compute/suggest"
	"github.com/weirdata/weir/node/client/ask"
)

// Methods by which borrowers' emissions are attributed.
const (
	MethodPieces  = "pieces"  // exact sums of private pieces
	MethodWeights = "weights" // the factors as private weights, with noise
)

// Report is the answer: what a report by PCAF says of a loan book. Numbers are exact decimals,
// rounded once, halves away from zero; emissions are in tonnes to 3 places.
type Report struct {
	Standard    string         `json:"standard"`
	Dataset     string         `json:"dataset"`
	AsOf        int            `json:"as_of,omitempty"` // version
	Period      string         `json:"period"`
	Denominator string         `json:"denominator"`
	Currency    string         `json:"currency"`
	Method      string         `json:"method"`
	List        RegisteredList `json:"list"`
	Rounding    string         `json:"rounding,omitempty"` // largest relative error of a factor as a weight
	Coverage    Coverage       `json:"coverage"`
	// NotThere are the periods of Period of which nothing is published.
	NotThere  []string    `json:"periods_not_published,omitempty"`
	Measures  []Measure   `json:"measures"`
	Pieces    []Piece     `json:"pieces,omitempty"`
	Unmatched []Unmatched `json:"unmatched"`
	Notes     []string    `json:"notes"`
	Query     string      `json:"query,omitempty"`
	Receipt   any         `json:"receipt,omitempty"`

	preview *ask.Preview
	book    *pcaf.Book
}

// RegisteredList is the private list that was asked.
type RegisteredList struct {
	Name     string `json:"name"`
	Version  int    `json:"version"`
	Vector   string `json:"vector"`
	Pieces   int    `json:"pieces,omitempty"`
	Bits     int    `json:"bits,omitempty"`
	Decimals int    `json:"decimals,omitempty"`
	Existed  bool   `json:"existed"`
}

// Coverage says how much of a loan book the figures are of. Matched are those in the registry,
// attributed those of them that have a factor.
type Coverage struct {
	Loans               int    `json:"loans"`
	LoansMatched        int    `json:"loans_matched"`
	LoansAttributed     int    `json:"loans_attributed"`
	Borrowers           int    `json:"borrowers"`
	BorrowersMatched    int    `json:"borrowers_matched"`
	BorrowersAttributed int    `json:"borrowers_attributed"`
	Outstanding         string `json:"outstanding"`
	Matched             string `json:"outstanding_matched"`
	Attributed          string `json:"outstanding_attributed"`
	ShareMatched        string `json:"share_matched"` // of the outstanding amount, per cent
	ShareAttributed     string `json:"share_attributed"`
}

// Measure has the figures of one measure.
type Measure struct {
	Measure     string `json:"measure"`
	Scope       string `json:"scope,omitempty"`
	Option      string `json:"option,omitempty"`
	Financed    string `json:"financed_t"`
	Least       string `json:"financed_least_t,omitempty"`
	Most        string `json:"financed_most_t,omitempty"`
	Interval95  string `json:"interval95_t,omitempty"`
	Exact       bool   `json:"exact"`
	Score       string `json:"data_quality,omitempty"`
	Unscored    int    `json:"loans_without_score,omitempty"`
	Intensity   string `json:"t_per_million,omitempty"`
	Outstanding string `json:"outstanding_in_figure"`
	Share       string `json:"share_in_figure"`
	// Present says of how many attributed borrowers the figure has every period, and of how
	// many only some; absent where only the publisher could tell.
	Present *Presence `json:"present,omitempty"`
}

// Presence counts borrowers by the periods of theirs that are in a figure.
type Presence struct {
	Whole int `json:"in_every_period"`
	Some  int `json:"in_some_periods"`
	None  int `json:"in_none"`
}

// Piece is a piece with its emissions, by measure.
type Piece struct {
	Piece     string            `json:"piece"`
	Borrowers int               `json:"borrowers"`
	Least     string            `json:"factor_least"`
	Mean      string            `json:"factor_mean"`
	Most      string            `json:"factor_most"`
	Emissions map[string]string `json:"emissions_t,omitempty"`
}

// Unmatched is a loan to whom the figures say nothing, and why.
type Unmatched struct {
	Row         int      `json:"row"`
	ID          string   `json:"id"`
	Name        string   `json:"name,omitempty"`
	Outstanding string   `json:"outstanding"`
	Why         string   `json:"why"`
	Near        []string `json:"near,omitempty"` // ids that were probably meant
}

// Reasons of Unmatched.
const (
	WhyUnknown     = "not in the registry"
	WhyDenominator = "no denominator"
)

// maxNear bounds for how many borrowers the registry is searched for what was meant.
const maxNear = 50

// nearID is how many characters of an id may differ.
const nearID = 2

const standard = "PCAF Standard Part A, 2nd edition (2022), 5.2"

func tonnesText(v *big.Rat) string { return v.FloatString(3) }
func factorText(v *big.Rat) string { return v.FloatString(6) }
func moneyText(v *big.Rat) string  { return v.FloatString(2) }
func percentOf(part, of *big.Rat) string {
	if of.Sign() == 0 {
		return ""
	}
	return new(big.Rat).Quo(new(big.Rat).Mul(part, big.NewRat(100, 1)), of).FloatString(1)
}

// newReport says what the book alone says.
func (q *question) newReport() *Report {
	r := &Report{Standard: standard, Dataset: q.Dataset, Period: q.Period, Denominator: q.Book.Denominator, Currency: q.Book.Currency, Unmatched: []Unmatched{}, Notes: []string{}, book: q.book}
	all := q.book.Outstanding(func(pcaf.Loan) bool { return true })
	matched := func(l pcaf.Loan) bool { return q.entity[l.Borrower] >= 0 }
	attributed := func(l pcaf.Loan) bool { return matched(l) && q.book.Borrowers[l.Borrower].Denominator != nil }
	c := &r.Coverage
	c.Loans, c.Borrowers = len(q.book.Loans), len(q.book.Borrowers)
	for _, l := range q.book.Loans {
		b := q.book.Borrowers[l.Borrower]
		first := b.Row == l.Row
		if matched(l) {
			c.LoansMatched++
			c.BorrowersMatched += one(first)
		}
		if attributed(l) {
			c.LoansAttributed++
			c.BorrowersAttributed += one(first)
			continue
		}
		u := Unmatched{Row: l.Row, ID: b.ID, Name: b.Name, Outstanding: moneyText(l.Outstanding), Why: WhyDenominator}
		if !matched(l) {
			u.Why = WhyUnknown
			if len(r.Unmatched) < maxNear {
				u.Near = q.near(b)
			}
		}
		r.Unmatched = append(r.Unmatched, u)
	}
	inRegistry, inFigures := q.book.Outstanding(matched), q.book.Outstanding(attributed)
	c.Outstanding, c.Matched, c.Attributed = moneyText(all), moneyText(inRegistry), moneyText(inFigures)
	c.ShareMatched, c.ShareAttributed = percentOf(inRegistry, all), percentOf(inFigures, all)
	q.note(r)
	return r
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

// note adds what a reader of the report has to know of the book.
func (q *question) note(r *Report) {
	var negative, above []string
	for i, b := range q.book.Borrowers {
		if q.entity[i] < 0 || b.Denominator == nil {
			continue
		}
		if b.NegativeEquity {
			negative = append(negative, b.ID)
		}
		if f := b.Factor(); f.Cmp(big.NewRat(1, 1)) > 0 {
			above = append(above, fmt.Sprintf("%s (row %d): %s", b.ID, b.Row, factorText(f)))
		}
	}
	switch r.Denominator {
	case pcaf.EquityDebt, pcaf.EVIC:
	default:
		r.Notes = append(r.Notes, fmt.Sprintf("the denominator %s is none of the Standard's, which has equity and debt, or EVIC: say so where the figure is disclosed", shown.Text(r.Denominator)))
	}
	if len(above) > 0 {
		r.Notes = append(r.Notes, "attribution above 1, more than a borrower's whole emissions, of "+listed(above))
	}
	if len(negative) > 0 {
		r.Notes = append(r.Notes, "equity below nothing counts as nothing (footnote 90 of the Standard), of "+listed(negative))
	}
	if len(q.Period) != len("2024") {
		r.Notes = append(r.Notes, fmt.Sprintf("the Standard attributes the emissions of a year; these are of %s", shown.Text(q.Period)))
	}
}

// listed names the first of many.
func listed(names []string) string {
	const most = 5
	text := shown.Text(strings.Join(names[:min(len(names), most)], ", "))
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// near are ids of the registry that were probably meant by a borrower: of an entity with the
// borrower's name, or with nearly its id.
func (q *question) near(b pcaf.Borrower) []string {
	const most = 3
	var out []string
	if b.Name != "" {
		for _, row := range q.rows {
			if len(out) < most && slices.ContainsFunc(row[1:], func(cell string) bool { return strings.EqualFold(panel.CleanText(cell), b.Name) }) {
				out = append(out, row[0])
			}
		}
	}
	ids := make([]string, len(q.rows))
	for i, row := range q.rows {
		ids[i] = row[0]
	}
	if id := suggest.NearestWithin(b.ID, ids, min(nearID, len([]rune(b.ID))/3)); id != "" && !slices.Contains(out, id) {
		out = append(out, id)
	}
	return out
}

// firstUnmatched says why one of the loans is in no figure.
func (r *Report) firstUnmatched() string {
	if len(r.Unmatched) == 0 {
		return ""
	}
	u := r.Unmatched[0]
	text := fmt.Sprintf("; row %d, %.80q: %s", u.Row, u.ID, u.Why)
	if len(u.Near) > 0 {
		text += fmt.Sprintf(", %.80q is", u.Near[0])
	}
	return text
}

// Whole reports whether every loan is in every figure with all periods that were asked for, and
// whether these are published.
func (r *Report) Whole() bool {
	return len(r.Unmatched) == 0 && len(r.NotThere) == 0 && !slices.ContainsFunc(r.Measures, func(m Measure) bool { return m.Present != nil && m.Present.Some+m.Present.None > 0 })
}

// Preview is what is known of the figures before they are; nil: nothing is tested.
func (r *Report) Preview() *ask.Preview { return r.preview }

// cover notes what will be in the figures.
func (q *question) cover(preview *ask.Preview) {
	q.report.preview = preview
	if preview != nil {
		q.report.AsOf = preview.AsOf
	}
}

// measure begins the figures of a measure.
func (q *question) measure(name string, f pcaf.Figures) (Measure, *big.Rat) {
	m, _ := q.dataset.Descriptor.Measure(name)
	factor, _ := tonnes(m) //nolint:errcheck // found before
	score := 0
	out := Measure{Measure: name, Exact: f.Exact}
	if p := m.PCAF; p != nil {
		out.Scope, out.Option, score = p.Scope, p.Option, p.Score
	}
	var present []int32
	if p := q.report.preview; p != nil {
		present = p.Present[name]
		out.Present = &Presence{}
		for _, at := range q.asked {
			switch n := int(present[q.entity[at]]); {
			case n == p.Periods:
				out.Present.Whole++
			case n > 0:
				out.Present.Some++
			default:
				out.Present.None++
			}
		}
	}
	inTonnes := func(v *big.Rat) *big.Rat {
		if v == nil {
			return nil
		}
		return new(big.Rat).Mul(v, factor)
	}
	f.Financed, f.Least, f.Most = inTonnes(f.Financed), inTonnes(f.Least), inTonnes(f.Most)
	f.Rate(q.book, q.in(present), score)
	out.Financed = tonnesText(f.Financed)
	if f.Least != nil {
		out.Least, out.Most = tonnesText(f.Least), tonnesText(f.Most)
	}
	if f.Score != nil {
		out.Score = f.Score.FloatString(2)
	}
	if f.Intensity != nil {
		out.Intensity = f.Intensity.FloatString(6)
	}
	out.Unscored = f.Unscored
	out.Outstanding, out.Share = moneyText(f.Outstanding), percentOf(f.Outstanding, q.book.Outstanding(func(pcaf.Loan) bool { return true }))
	return out, factor
}

// number is a cell of an answer.
func number(cell any) (*big.Rat, error) {
	text := fmt.Sprint(cell)
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, fmt.Errorf("the answer has %.40q for a number", text)
	}
	return v, nil
}

// pieceFigures makes the figures of the answer by pieces.
func (q *question) pieceFigures(sorted pieced, r *ask.Result) error {
	for i, p := range sorted.pieces {
		q.report.Pieces = append(q.report.Pieces, Piece{Piece: pieceName(i), Borrowers: p.Borrowers, Least: factorText(p.Least), Mean: factorText(p.Mean()), Most: factorText(p.Most), Emissions: map[string]string{}})
	}
	for k, name := range q.Measures {
		sums := make([]*big.Rat, len(sorted.pieces))
		for i := range sums {
			sums[i] = new(big.Rat)
			row := rowOf(r, pieceName(i))
			if row == nil || row[1+2*k] == nil {
				continue
			}
			v, err := number(row[1+2*k])
			if err != nil {
				return err
			}
			sums[i] = v
		}
		m, _ := q.dataset.Descriptor.Measure(name)
		one, factor := q.measure(name, pcaf.Financed(sorted.pieces, sums, m.Min >= 0))
		q.report.Measures = append(q.report.Measures, one)
		for i, s := range sums {
			q.report.Pieces[i].Emissions[name] = tonnesText(new(big.Rat).Mul(s, factor))
		}
	}
	q.end(r)
	return nil
}

// weightedFigures makes those of the answer with noise.
func (q *question) weightedFigures(r *ask.Result) error {
	if len(r.Table.Rows) != 1 {
		return fmt.Errorf("%w: nothing of %s has a reading in %s", ErrInput, q.Dataset, q.Period)
	}
	for k, name := range q.Measures {
		v, err := number(r.Table.Rows[0][k])
		if err != nil {
			return err
		}
		one, factor := q.measure(name, pcaf.Figures{Financed: v})
		if half, err := number(r.Table.Interval95[0][k]); err == nil {
			if half.Cmp(new(big.Rat).Abs(v)) > 0 {
				q.report.Notes = append(q.report.Notes, fmt.Sprintf("the noise in the figure of %s is larger than the figure: nothing can be read from it", name))
			}
			one.Interval95 = tonnesText(half.Mul(half, factor))
		}
		q.report.Measures = append(q.report.Measures, one)
	}
	q.end(r)
	return nil
}

// end adds what is of the whole report.
func (q *question) end(r *ask.Result) {
	rep := q.report
	rep.Query, rep.Receipt, rep.NotThere = r.Query.ID, r.Receipt, r.Table.NotThere
	if len(rep.NotThere) > 0 {
		rep.Notes = append(rep.Notes, fmt.Sprintf("the emissions are not those of all of %s: nothing is published that can be asked of %s", shown.Text(q.Period), listed(rep.NotThere)))
	}
	for _, m := range rep.Measures {
		switch {
		case m.Score == "":
			rep.Notes = append(rep.Notes, fmt.Sprintf("no data-quality score: %s says no PCAF option, and no loan has a score of its own", m.Measure))
		case m.Unscored > 0:
			rep.Notes = append(rep.Notes, fmt.Sprintf("the data-quality score of %s is without %d loans that have none", m.Measure, m.Unscored))
		}
	}
	switch rep.Method {
	case MethodPieces:
		if slices.ContainsFunc(rep.Measures, func(m Measure) bool { return !m.Exact }) {
			rep.Notes = append(rep.Notes, "sums of pieces are exact; each piece is attributed by the mean factor of its borrowers, and where no reading is negative the figure by each borrower's own factor lies between least and most")
		}
	default:
		rep.Notes = append(rep.Notes,
			fmt.Sprintf("factors are private weights of %d decimals, rounded half up: that moves the figure by at most %s of itself where no reading is negative", rep.List.Decimals, rep.Rounding),
			"the figure carries noise; the 95 % interval is the noise's alone")
	}
}

// Lines are the report as a table, a measure in a line.
func (r *Report) Lines() (head []string, lines [][]string) {
	head = []string{
		"measure", "scope", "option", "dataset", "as_of", "period", "denominator", "currency", "method", "financed_t", "financed_least_t", "financed_most_t", "interval95_t", "exact",
		"t_per_million", "data_quality", "loans", "loans_matched", "loans_attributed", "outstanding", "outstanding_matched", "outstanding_attributed", "outstanding_in_figure",
		"share_attributed", "share_in_figure", "query", "periods_not_published",
	}
	c := r.Coverage
	for _, m := range r.Measures {
		exact := "no"
		if m.Exact {
			exact = "yes"
		}
		lines = append(lines, []string{
			m.Measure, m.Scope, m.Option, r.Dataset, strconv.Itoa(r.AsOf), r.Period, r.Denominator, r.Currency, r.Method, m.Financed, m.Least, m.Most, m.Interval95, exact,
			m.Intensity, m.Score, strconv.Itoa(c.Loans), strconv.Itoa(c.LoansMatched), strconv.Itoa(c.LoansAttributed), c.Outstanding, c.Matched, c.Attributed, m.Outstanding,
			c.ShareAttributed, m.Share, r.Query, strings.Join(r.NotThere, ", "),
		})
	}
	return head, lines
}
