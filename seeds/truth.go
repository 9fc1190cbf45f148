package seeds

import (
	"fmt"
	"io"
	"math/big"
	"strings"
)

// tally is the sum and the number of present cells.
type tally struct {
	sum   *big.Rat
	count int64
}

func (t tally) mean() *big.Rat { return new(big.Rat).Quo(t.sum, big.NewRat(t.count, 1)) }

// tallyBy adds up a measure over the rows of a dataset whose period lies in the
// given one ("2024" holds "2024-05"), by an attribute of the entity: the
// plaintext that an encrypted GROUP BY is compared with. It reads CSV and
// knows nothing of how the data was made. Missing cells are skipped; an
// attribute value without a present cell has no entry.
func tallyBy(registry, dataset io.Reader, entity, attribute, measure, period string) (map[string]*tally, error) {
	groups := map[string]string{}
	err := eachRow(registry, []string{"id", attribute}, func(cells []string) error {
		groups[strings.Clone(cells[0])] = strings.Clone(cells[1])
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	tallies := map[string]*tally{}
	err = eachRow(dataset, []string{entity, "period", measure}, func(cells []string) error {
		if cells[2] == "" || !within(cells[1], period) {
			return nil
		}
		group, ok := groups[cells[0]]
		if !ok {
			return fmt.Errorf("%s %q is not in the registry", entity, cells[0])
		}
		value, err := number(cells[2])
		if err != nil {
			return err
		}
		if tallies[group] == nil {
			tallies[group] = &tally{sum: new(big.Rat)}
		}
		tallies[group].sum.Add(tallies[group].sum, value)
		tallies[group].count++
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	return tallies, nil
}

// total adds up a measure over the rows whose period lies in the given one.
func total(data func(io.Writer) error, measure, period string) (*big.Rat, error) {
	sum := new(big.Rat)
	err := piped(data, func(r io.Reader) error {
		return eachRow(r, []string{"period", measure}, func(cells []string) error {
			if cells[1] == "" || !within(cells[0], period) {
				return nil
			}
			value, err := number(cells[1])
			if err == nil {
				sum.Add(sum, value)
			}
			return err
		})
	})
	return sum, err
}

// within reports whether a period lies in one of the same or a coarser grain, "2024-05"
// in "2024".
func within(period, in string) bool { return period == in || strings.HasPrefix(period, in+"-") }

// piped reads what write writes, without holding all of it. Both have ended
// when it returns.
func piped(write func(io.Writer) error, read func(io.Reader) error) error {
	pr, pw := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = pw.CloseWithError(write(pw)) // always nil; the reader gets write's error
	}()
	err := read(pr)
	_ = pr.CloseWithError(err) // ends a writer whose reader gave up; always nil
	<-ended
	return err
}
