package catalog

import (
	"fmt"
	"testing"
)

func TestAnExclusionIsOfTheColumnsAndPartsThatItNames(t *testing.T) {
	for _, c := range []struct {
		x    Exclusion
		fits bool
		want string // of 2 columns and 9 parts
	}{
		{Exclusion{Column: 1, Part: 8}, true, "[1 8]"},
		{Exclusion{Column: -1, Part: 3}, true, "[0 3 1 3]"},
		{Exclusion{Column: 0, Part: -1, Parts: []byte{5, 1}}, true, "[0 0 0 2 0 8]"},
		{Exclusion{Column: -1, Part: -1, Parts: []byte{2}}, true, "[0 1 1 1]"},
		{Exclusion{Column: 2, Part: 0}, false, ""},
		{Exclusion{Column: -2, Part: 0}, false, ""},
		{Exclusion{Part: 9}, false, ""},
		{Exclusion{Part: -2, Parts: []byte{1}}, false, ""},
		{Exclusion{Part: -1}, false, ""},
		{Exclusion{Part: 1, Parts: []byte{1}}, false, ""},
		{Exclusion{Part: -1, Parts: []byte{1, 2}}, false, ""}, // part 9
		{Exclusion{Part: -1, Parts: []byte{1, 1, 0}}, false, ""},
	} {
		if got := c.x.Fits(2, 9); got != c.fits {
			t.Errorf("%+v fits: %t", c.x, got)
		}
		var named []int
		if c.x.Each(2, 9, func(column, part int) { named = append(named, column, part) }); c.fits && fmt.Sprint(named) != c.want {
			t.Errorf("%+v is of %v, want %s", c.x, named, c.want)
		}
	}
}
