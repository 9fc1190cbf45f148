package pcaf_test

import (
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirdata/weir/compute/panel"
	"github.com/weirdata/weir/compute/pcaf"
)

func options(denominator string) pcaf.Options {
	return pcaf.Options{
		IDColumns: []string{"code", "entity"}, Denominator: denominator, Currency: "CNY", Outstanding: "outstanding",
		Equity: "equity", Debt: "debt", EVIC: "evic", Revenue: "revenue", Score: "score", Name: "name",
	}
}

func read(t *testing.T, denominator, text string) (*pcaf.Book, error) {
	t.Helper()
	f := panel.File{Name: "loans.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	return pcaf.Read(t.Context(), f, options(denominator))
}

// Loans of one borrower add up, its own figures are taken once, and equity below nothing is
// nothing (footnote 90 of the Standard).
func TestBorrowersOfABook(t *testing.T) {
	b, err := read(t, pcaf.EquityDebt, "code,outstanding,equity,debt,score,currency\na,10.50,60,40,,CNY\nb,5,-30,20,3,CNY\na,4.5,60.0,,1,CNY\nc,7,,20,,CNY\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Loans) != 4 || len(b.Borrowers) != 3 || b.Loans[2].Borrower != 0 || b.Loans[2].Score != 1 || b.Loans[1].Score != 3 || b.Loans[3].Row != 5 {
		t.Fatalf("%+v", b)
	}
	a, second, third := b.Borrowers[0], b.Borrowers[1], b.Borrowers[2]
	if a.Outstanding.Cmp(big.NewRat(15, 1)) != 0 || a.Factor().Cmp(big.NewRat(15, 100)) != 0 || a.NegativeEquity {
		t.Errorf("a: %+v, factor %s", a, a.Factor())
	}
	if second.Factor().Cmp(big.NewRat(1, 4)) != 0 || !second.NegativeEquity {
		t.Errorf("b: %+v", second)
	}
	if third.Factor() != nil {
		t.Errorf("c has a factor of %s without equity", third.Factor())
	}
	if sum := b.Outstanding(func(l pcaf.Loan) bool { return l.Borrower != 1 }); sum.Cmp(big.NewRat(22, 1)) != 0 {
		t.Errorf("outstanding %s", sum)
	}
	for denominator, text := range map[string]string{pcaf.EVIC: "code,outstanding,evic\na,1,8\n", pcaf.Revenue: "code,outstanding,revenue\na,1,8\n", "total_assets": "entity,outstanding,total_assets\na,1,8\n"} {
		if b, err = read(t, denominator, text); err != nil || b.Borrowers[0].Factor().Cmp(big.NewRat(1, 8)) != 0 {
			t.Errorf("%s: %v", denominator, err)
		}
	}
}

func TestFaultsOfABookHaveRowAndColumn(t *testing.T) {
	for text, want := range map[string]string{
		"code,outstanding,equity,debt\na,-1,5,5\n":                     `loans.csv:2: column outstanding: "-1" is negative; want what the borrower owes, from 0`,
		"code,outstanding,equity,debt\na,\"1,000\",5,5\n":              `loans.csv:2: column outstanding: "1,000" is not a plain number`,
		"code,outstanding,equity,debt\na,1e6,5,5\n":                    `loans.csv:2: column outstanding: "1e6" is not a plain number`,
		"code,outstanding,equity,debt\na,,5,5\n":                       `loans.csv:2: column outstanding: is empty`,
		"code,outstanding,equity,debt\na,1,5,-5\n":                     `loans.csv:2: column debt: is negative`,
		"code,outstanding,equity,debt\na,1,0,0\n":                      `loans.csv:2: column debt: the denominator of borrower "a" is 0`,
		"code,outstanding,equity,debt\na,1,-3,0\n":                     `the denominator of borrower "a" is 0`,
		"code,outstanding,equity,debt\na,1,5,5\na,1,5,6\n":             `loans.csv:3: column debt: is another for borrower "a" than in row 2`,
		"code,outstanding,equity,debt\n,1,5,5\n":                       `loans.csv:2: the borrower's id is empty`,
		"code,outstanding,equity,debt,score\na,1,5,5,6\n":              `loans.csv:2: column score: "6" is no data-quality score; want 1, the best, to 5`,
		"code,outstanding,equity,debt,currency\na,1,5,5,EUR\n":         `loans.csv:2: column currency: "EUR", and the book is declared to be in CNY`,
		"code,outstanding,equity\na,1,5\n":                             `loans.csv:1: column debt: is not in the header`,
		"code,outstandin,equity,debt\na,1,5,5\n":                       `loans.csv:1: column outstanding: is not in the header; did you mean "outstandin"?`,
		"firm,outstanding,equity,debt\na,1,5,5\n":                      `loans.csv:1: column code: is not in the header`,
		"code,outstanding,equity,debt\n":                               `loans.csv: the file has no loans`,
		"code,outstanding,equity,debt,debt\na,1,5,5,6\n":               `column debt: stands in the header twice`,
		"code,outstanding,equity,debt\na,1.1234567891,5,5\n":           `"1.1234567891" is not a plain number`,
		"code,outstanding,equity,debt\nx,-1,5,5\ny,-2,5,5\nz,-3,5,5\n": "loans.csv:4:",
	} {
		b, err := read(t, pcaf.EquityDebt, text)
		var faults *panel.Errors
		if b != nil || !errors.As(err, &faults) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
	var list strings.Builder
	list.WriteString("code,outstanding,equity,debt\n")
	for range 50 {
		list.WriteString("a,-1,5,5\n")
	}
	if _, err := read(t, pcaf.EquityDebt, list.String()); err == nil || !strings.Contains(err.Error(), "50 in all") {
		t.Errorf("fifty faults: %v", err)
	}
}

// The figures against loops over borrowers: the sum of factor times emissions lies between
// the bounds, is the figure where every piece has one factor, and score and intensity are
// weighted as the Standard says.
func TestFiguresAreThoseOfTheBorrowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "borrowers")
		factors := rats(rapid.SliceOfN(rapid.Int64Range(1, 1200), n, n).Draw(t, "factors")...)
		emitted := rapid.SliceOfN(rapid.Int64Range(0, 100_000), n, n).Draw(t, "emissions")
		pieces, of := pcaf.NewOrder(factors).Pieces(rapid.IntRange(1, 6).Draw(t, "pieces"), 1)
		sums := make([]*big.Rat, len(pieces))
		for i := range sums {
			sums[i] = new(big.Rat)
		}
		truth := new(big.Rat)
		for i, e := range emitted {
			sums[of[i]].Add(sums[of[i]], big.NewRat(e, 1))
			truth.Add(truth, new(big.Rat).Mul(factors[i], big.NewRat(e, 1)))
		}
		f := pcaf.Financed(pieces, sums, true)
		if f.Least.Cmp(truth) > 0 || f.Most.Cmp(truth) < 0 || f.Financed.Cmp(f.Least) < 0 || f.Financed.Cmp(f.Most) > 0 {
			t.Fatalf("%s to %s, figure %s, truth %s", f.Least, f.Most, f.Financed, truth)
		}
		if f.Exact && f.Financed.Cmp(truth) != 0 {
			t.Fatalf("exact, and %s is not %s", f.Financed, truth)
		}
		w, tooLarge := pcaf.Weigh(factors, 2, 7)
		weighted, fits := new(big.Rat), true
		for i, e := range emitted {
			if factors[i].Cmp(big.NewRat(1275, 1000)) >= 0 {
				fits = false
			} else if tooLarge < 0 {
				weighted.Add(weighted, new(big.Rat).Mul(big.NewRat(int64(w.Units[i]), 100), big.NewRat(e, 1)))
			}
		}
		if fits != (tooLarge < 0) {
			t.Fatalf("fits %v, too large is %d", fits, tooLarge)
		}
		if fits {
			off := new(big.Rat).Sub(weighted, truth)
			if off.Abs(off).Cmp(new(big.Rat).Mul(w.Rounding, truth)) > 0 {
				t.Fatalf("rounding moves %s by %s, said is %s of it", truth, off, w.Rounding)
			}
		}
	})
	w, tooLarge := pcaf.Weigh([]*big.Rat{big.NewRat(125, 1000), big.NewRat(1, 3), big.NewRat(4, 1000)}, 2, 7) // 12.5, 33.3 and 0.4 hundredths
	if tooLarge >= 0 || !slices.Equal(w.Units, []uint64{13, 33, 0}) || w.Rounding.Cmp(big.NewRat(1, 1)) != 0 {
		t.Errorf("weights %v, rounding %s", w.Units, w.Rounding)
	}
	b, err := read(t, pcaf.EVIC, "code,outstanding,evic,score\na,300,1000,\nb,100,1000,4\nc,50,1000,5\n")
	if err != nil {
		t.Fatal(err)
	}
	f := pcaf.Figures{Financed: big.NewRat(2, 1)}
	f.Rate(b, func(l pcaf.Loan) bool { return l.Borrower < 2 }, 2)
	if f.Score.Cmp(big.NewRat(300*2+100*4, 400)) != 0 || f.Intensity.Cmp(big.NewRat(2*1_000_000, 400)) != 0 || f.Outstanding.Cmp(big.NewRat(400, 1)) != 0 || f.Unscored != 0 {
		t.Errorf("%+v", f)
	}
	f = pcaf.Figures{Financed: big.NewRat(2, 1)}
	f.Rate(b, func(pcaf.Loan) bool { return true }, 0)
	if f.Score.Cmp(big.NewRat(100*4+50*5, 150)) != 0 || f.Unscored != 1 {
		t.Errorf("without a score of the measure: %+v", f)
	}
}
