package disclosure

import (
	"fmt"
	"testing"
)

// Columns of one figure take a class where all of them take it of one version, and leave
// out whole units: k is 2 and p 3.
func TestJointColumnsTakeTheSameClassesOfTheSameVersions(t *testing.T) {
	const old, other = "aaaaaaaaa aaaaaaaaa", "bbbbbbbbb bbbbbbbbb"
	for _, c := range []struct {
		about           string
		versions        [][2]string
		measures        []string
		versionsOf, yes string // what x takes, and what it takes alone
	}{
		{"all are whole", [][2]string{{old, other}}, []string{"x", "y"}, "[1 1]", "[1 1]"},
		{"a version that repeats a class gives it", [][2]string{{old, other}, {"zzzzzzzzz aaaaaaaaa", "ccccccccc bbbbbbbbb"}}, []string{"x", "y"}, "[2 1]", "[2 1]"},
		{
			"both sums move and their product does not, for fewer than p·k",
			[][2]string{{old, other}, {"zzaaaaaaa aaaaaaaaa", "ccbbbbbbb bbbbbbbbb"}}, nil, "[0 1]", "[2 1]",
		},
		{"one with x alone leaves out its class", [][2]string{{old, ".bbbbbbbb bbbbbbbbb"}}, []string{"x", "y"}, "[0 1]", "[1 1]"},
		{"one who lost x in a version that repeats y leaves out its class", [][2]string{{old, other}, {".aaaaaaaa aaaaaaaaa", other}}, []string{"x", "y"}, "[0 1]", "[1 1]"},
		{"one who lost y in a version that repeats x leaves out its class", [][2]string{{old, other}, {old, ".bbbbbbbb bbbbbbbbb"}}, []string{"x", "y"}, "[0 1]", "[1 1]"},
		{"and the unit that the product has with another", [][2]string{{old, ".......bb bbbbbbbbb"}}, []string{"x", "y"}, "[0 0]", "[1 1]"},
		{"but where the cells of each are taken", [][2]string{{old, ".......bb bbbbbbbbb"}}, nil, "[1 1]", "[1 1]"},
	} {
		t.Run(c.about, func(t *testing.T) {
			w := newToy(t, 2, "AAAAAAAAA BBBBBBBBB")
			a := w.admit(productSet())
			for _, v := range c.versions {
				w.publish(a, map[string][]string{"x": {v[0]}, "y": {v[1]}})
			}
			n := len(c.versions)
			g := Grid{
				Columns: []Column{x, {Measure: "y"}, xy, x}, Periods: [][]int64{{0}}, Groups: 1, Assign: make([]int32, 18), AsOf: n,
				Joint: []Joint{{Columns: []int{0, 1, 2}, Measures: c.measures}},
			}
			got, err := w.f.Answer("a", g, a)
			if err != nil {
				t.Fatal(err)
			}
			versions := make([][]int32, 4)
			for i, taken := range got.Taken {
				versions[i] = versionsTaken(w.f, "a", g.Columns[i], 0, taken)
			}
			for i, versions := range versions[:3] {
				if fmt.Sprint(versions) != c.versionsOf {
					t.Errorf("column %d takes %v, want %s", i, versions, c.versionsOf)
				}
			}
			if fmt.Sprint(versions[3]) != c.yes {
				t.Errorf("the sum alone takes %v, want %s", versions[3], c.yes)
			}
			for i, taken := range got.Taken {
				given := givenBy(w.f, taken)
				for class, v := range versions[i] {
					if (v == 0) != (given[class] == 0) || v != 0 && int(given[class]) != n && given[class] != v {
						t.Errorf("column %d: class %d of version %d is given by %d", i, class, v, given[class])
					}
				}
			}
		})
	}
}
