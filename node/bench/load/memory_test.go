package load

import "testing"

func TestMemoryOfAProcessIsRead(t *testing.T) {
	got, err := parseMemory("Name:\tweir\nVmRSS:\t  416632 kB\nRssAnon:\t  283604 kB\nRssFile:\t  133028 kB\nRssShmem:\t       0 kB\n")
	if want := (memory{anonymous: 283604 << 10, mapped: 133028 << 10}); err != nil || got != want {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
	if _, err := parseMemory("RssAnon:\tmuch kB\n"); err == nil {
		t.Error("memory that is no number is read")
	}
}

// A peak that passes is no growth; a floor that rises is.
func TestMemoryGrowsWhereItsLowestDoes(t *testing.T) {
	seen := func(amounts ...int64) (all []memory) {
		for _, a := range amounts {
			all = append(all, memory{anonymous: a})
		}
		return all
	}
	for _, c := range []struct {
		name              string
		seen              []memory
		first, last, peak int64
	}{
		{"nothing", nil, 0, 0, 0},
		{"one", seen(5), 5, 5, 5},
		{"a peak in the last third", seen(4, 3, 5, 4, 9, 9, 8, 3, 9), 3, 3, 9},
		{"a floor that rises", seen(3, 4, 5, 6, 7, 8, 9, 10, 11), 3, 9, 11},
	} {
		if first, last, peak := thirds(c.seen); first != c.first || last != c.last || peak != c.peak {
			t.Errorf("%s: %d, %d, %d; want %d, %d, %d", c.name, first, last, peak, c.first, c.last, c.peak)
		}
	}
}
