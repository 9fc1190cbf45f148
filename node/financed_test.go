package node

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/weirdata/weir/catalog/longrun"
	"github.com/weirdata/weir/node/desk/buyer"
)

// A loan book that is asked about at the desk has the figures that plain loops have: each piece by the mean factor of its
// borrowers. Asked again it is this machine's own.
func TestABookIsAskedAboutAtTheDesk(t *testing.T) {
	longrun.Only(t)
	t.Parallel()
	ctx := testContext(t)
	x := newFirms(ctx, t, 3, 2)
	v := openDesk(t, x.buyer, "the bank", "")
	text := "firm,outstanding,equity,debt,score\n"
	want := new(big.Rat)
	for f := range firmCount {
		if f/2%3 == 2 {
			continue // neither of the pieces
		}
		factor := big.NewRat(int64(1+f/2%3), 4) // a quarter and a half
		text += fmt.Sprintf("%s,%d.00,300,100,2\n", firmID(f), 100*(1+f/2%3))
		for _, c := range x.list {
			if c.firm == f && c.co2 >= 0 {
				want.Add(want, new(big.Rat).Mul(factor, big.NewRat(int64(c.co2), 10)))
			}
		}
	}
	book := buyer.Book{Bytes: []byte(text), BookQuestion: buyer.BookQuestion{
		File: "loans.csv", Dataset: "firms", Measures: []string{"co2"}, Period: "2024", Denominator: "equity_debt", Currency: "CNY", List: "book",
	}}
	p := deskPost[buyer.BookPreview](v, "/api/financed/preview", book)
	if !p.Ready || p.Preview == nil || p.Preview.Told == nil || p.Preview.Told.Pieces != 2 || p.Preview.Explain == nil || len(p.Preview.Figures.Figures) != 2 {
		t.Fatalf("the preview is %+v, refused by %+v", p.Preview, p.Refused)
	}
	for again := range 2 {
		j := deskPost[buyer.BookJob](v, "/api/financed", book)
		for j.State != buyer.BookDone && j.State != buyer.BookFailed {
			j = deskGet[buyer.BookJob](v, fmt.Sprintf("/api/financed/%s?seen=%d", j.ID, j.Seen))
		}
		if j.State != buyer.BookDone {
			t.Fatalf("it ends as %+v", j.Problem)
		}
		m := j.Report.Measures[0]
		if m.Financed != want.FloatString(3) || !m.Exact || m.Score != "2.00" || len(j.Report.Pieces) != 2 || j.Free != (again > 0) || j.Report.List.Existed != (again > 0) {
			t.Errorf("want %s, it is %+v, %+v", want.FloatString(3), j, j.Report)
		}
		if m.Present == nil || m.Present.Whole+m.Present.Some != len(p.Rows) || m.Present.None != 0 {
			t.Errorf("present are %+v, of %d", m.Present, len(p.Rows))
		}
		if j.Answer == nil || j.Answer.Entry == 0 || j.Query != j.Report.Query {
			t.Errorf("the answer is %+v", j.Answer)
		}
	}
	if p = deskPost[buyer.BookPreview](v, "/api/financed/preview", book); !p.Ready || p.Preview.Told != nil || !p.Preview.Report.List.Existed {
		t.Errorf("registered, the preview is %+v, refused by %+v", p.Preview, p.Refused)
	}
	other := book
	other.List = "other"
	other.Bytes = []byte(text + firmID(4) + ",100.00,300,100,2\n" + firmID(5) + ",100.00,300,100,2\n")
	if p = deskPost[buyer.BookPreview](v, "/api/financed/preview", other); p.Ready || p.Refused == nil || p.Refused.Message == "" {
		t.Errorf("another book for the same year: %+v", p)
	}
}
