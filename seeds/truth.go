package seeds

import (
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
)

// readings are present cells by their text: a column has few different ones.
type readings map[string]*reading

type reading struct {
	value *big.Rat
	count int64
}

func (r readings) add(text string) error {
	if r[text] == nil {
		value, err := number(text)
		if err != nil {
			return err
		}
		r[strings.Clone(text)] = &reading{value: value}
	}
	r[text].count++
	return nil
}

// sum is of the cells, with their number.
func (r readings) sum() (sum *big.Rat, count int64) {
	sum = new(big.Rat)
	for _, x := range r {
		sum.Add(sum, new(big.Rat).Mul(x.value, big.NewRat(x.count, 1)))
		count += x.count
	}
	return sum, count
}

// mean is of the cells, of which there is one at least.
func (r readings) mean() *big.Rat {
	sum, count := r.sum()
	return sum.Quo(sum, big.NewRat(count, 1))
}

// above is the share of the cells, of which there is one at least, above a limit.
func (r readings) above(limit *big.Rat) *big.Rat {
	var above, count int64
	for _, x := range r {
		if count += x.count; x.value.Cmp(limit) > 0 {
			above += x.count
		}
	}
	return big.NewRat(above, count)
}

// truth is the plaintext that answers are compared with: readings by group and measure. A
// group without a present cell of a measure has none.
type truth map[[2]string]readings

// readTruth collects the cells of measures, of the rows of a dataset whose period lies in
// the given one ("2024" holds "2024-05", "" all). group makes the group of a row's period
// and entity columns; nil: all rows are of the group "". It reads CSV and knows nothing of
// how the data was made.
func readTruth(data io.Reader, period string, keys, measures []string, group func(keys []string) (string, error)) (truth, error) {
	t := truth{}
	columns := slices.Concat([]string{"period"}, keys, measures)
	err := eachRow(data, columns, func(cells []string) (err error) {
		if period != "" && !within(cells[0], period) {
			return nil
		}
		of := ""
		if group != nil {
			if of, err = group(cells[:1+len(keys)]); err != nil {
				return err
			}
		}
		for i, text := range cells[1+len(keys):] {
			if text == "" {
				continue
			}
			at := [2]string{of, measures[i]}
			if t[at] == nil {
				at[0] = strings.Clone(of) // not the whole row
				t[at] = readings{}
			}
			if err := t[at].add(text); err != nil {
				return err
			}
		}
		return nil
	})
	return t, err
}

// plaintext is readTruth of what write writes.
func plaintext(write func(io.Writer) error, period string, keys, measures []string, group func(keys []string) (string, error)) (t truth, err error) {
	err = piped(write, func(r io.Reader) (err error) {
		t, err = readTruth(r, period, keys, measures, group)
		return err
	})
	return t, err
}

// groupsOf reads a registry, and returns a group for readTruth by attributes of the
// entity: their values with a space between.
func groupsOf(registry io.Reader, attributes ...string) (func(keys []string) (string, error), error) {
	groups := map[string]string{}
	err := eachRow(registry, append([]string{"id"}, attributes...), func(cells []string) error {
		groups[strings.Clone(cells[0])] = strings.Join(cells[1:], " ")
		return nil
	})
	return func(keys []string) (string, error) {
		of, known := groups[keys[1]]
		if !known {
			return "", fmt.Errorf("%q is not in the registry", keys[1])
		}
		return of, nil
	}, err
}

// byAttributes is the plaintext by attributes of the entity.
func byAttributes(registry, data func(io.Writer) error, entity, measure, period string, attributes ...string) (t truth, err error) {
	err = piped(registry, func(r io.Reader) error {
		group, err := groupsOf(r, attributes...)
		if err != nil {
			return fmt.Errorf("registry: %w", err)
		}
		t, err = plaintext(data, period, []string{entity}, []string{measure}, group)
		return err
	})
	return t, err
}

// within reports whether a period lies in one of the same or a coarser grain, "2024-05"
// in "2024".
func within(period, in string) bool { return period == in || strings.HasPrefix(period, in+"-") }

// equal reports whether an answer is what the plaintext gives, to the 12 places that
// are printed.
func equal(answer, truth *big.Rat) bool { return answer.FloatString(12) == truth.FloatString(12) }

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
