package catalog

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// full is a descriptor in which every field says something.
func full() Descriptor {
	d := testDescriptor("emissions")
	d.Title, d.Description, d.License = Text{"a", "b"}, Text{"c", "d"}, "e"
	d.Measures[0].Squares, d.Measures[0].Buckets = true, []string{"1", "2"}
	d.Policy.MinCoverage, d.Policy.Moments, d.Policy.Joins = "0.8", [][2]string{{d.Measures[0].Name, d.Measures[0].Name}}, []string{"theirs"}
	d.Policy.Related, d.Policy.Unrelated = [][]string{{d.Measures[0].Name, "other.x"}}, []string{"lists"}
	d.Policy.Portfolios, d.Policy.PortfolioChange = 3, PortfolioNever
	d.Policy.DP = &DP{EpsilonPerQuery: "0.1", EpsilonPerContract: "1", EpsilonFamily: "5", Delta: "1e-6"}
	d.Price = &Price{PerQuery: "1.00", Currency: "CNY"}
	d.Numbers = []string{"employees"}
	d.Policy.Caps, d.Policy.AboveCap = map[string]string{d.Measures[0].Name: "employees"}, AboveCapClip
	d.Measures[0].PCAF = &PCAF{Scope: "1", Option: "1b", Score: 2}
	return d
}

// TestEveryFieldOfADescriptorIsCompared changes each leaf: none of them can be amended
// without a word.
func TestEveryFieldOfADescriptorIsCompared(t *testing.T) {
	leaves := 0
	var walk func(v reflect.Value, path string, d *Descriptor)
	walk = func(v reflect.Value, path string, d *Descriptor) {
		switch v.Kind() {
		case reflect.Pointer:
			walk(v.Elem(), path, d)
			return
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), path+"."+v.Type().Field(i).Name, d)
			}
			return
		case reflect.Slice, reflect.Array:
			if v.Len() == 0 {
				t.Fatalf("%s says nothing in the test", path)
			}
			walk(v.Index(0), path+"[0]", d)
			return
		}
		before := reflect.ValueOf(v.Interface())
		switch v.Kind() {
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string]string{"other": "employees"}))
		case reflect.String:
			v.SetString(v.String() + "9")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		default:
			v.SetInt(v.Int() + 2)
		}
		leaves++
		if changes := full().Changes(*d); len(changes) == 0 {
			t.Errorf("%s is changed without a word", path)
		}
		v.Set(before)
	}
	d := full()
	walk(reflect.ValueOf(&d), "descriptor", &d)
	if leaves < 35 {
		t.Errorf("%d leaves", leaves)
	}
	if changes := full().Changes(d); len(changes) != 0 {
		t.Errorf("nothing is changed, and %+v", changes)
	}
}

// TestChangesSayWhatMayBeAmended: of each change the fields, and whether they may.
func TestChangesSayWhatMayBeAmended(t *testing.T) {
	for name, test := range map[string]struct {
		change func(d *Descriptor)
		want   []FieldChange
	}{
		"a price": {func(d *Descriptor) { d.Price.PerQuery = "2.00" }, []FieldChange{{"price", "1.00 CNY", "2.00 CNY", ""}}},
		"a wider range": {
			func(d *Descriptor) { d.Measures[0].Min -= 10; d.Measures[0].Max += 10 },
			[]FieldChange{{"measures[nox].range", "0 to 100000", "-1 to 100001", ""}},
		},
		"a narrower range": {
			func(d *Descriptor) { d.Measures[0].Min += 10; d.Measures[0].Max -= 10 },
			[]FieldChange{{"measures[nox].range", "0 to 100000", "1 to 99999", AmendNarrower}},
		},
		"an aggregate less": {
			func(d *Descriptor) { d.Policy.Aggregates = d.Policy.Aggregates[:1] },
			[]FieldChange{{"policy.aggregates", "[count, sum, avg]", "[count]", ""}},
		},
		"a measure more, with its square": {
			func(d *Descriptor) {
				d.Measures = append(d.Measures, Measure{Name: "o3", Unit: "kg", Max: 15, Decimals: 1, Squares: true})
				d.Policy.Moments = append(d.Policy.Moments, [2]string{"o3", "o3"})
			},
			[]FieldChange{{"measures[o3]", "", "0 to 1.5 kg, squares", ""}, {"policy.moments", "[[nox, nox]]", "[[nox, nox], [o3, o3]]", ""}},
		},
		"a product with a measure that is there": {
			func(d *Descriptor) {
				d.Measures = append(d.Measures, Measure{Name: "o3", Max: 1})
				d.Policy.Moments = append(d.Policy.Moments, [2]string{"nox", "o3"})
			},
			[]FieldChange{{"measures[o3]", "", "0 to 1", ""}, {"policy.moments", "[[nox, nox]]", "[[nox, nox], [nox, o3]]", AmendMoments}},
		},
		"a measure less, with what is said of it": {
			func(d *Descriptor) {
				d.Measures, d.Policy.Moments, d.Policy.Related = d.Measures[1:], nil, nil
			},
			[]FieldChange{
				{"measures[nox]", "0 to 100000 kg, squares, buckets [1, 2]", "", ""}, {"policy.moments", "[[nox, nox]]", "", ""},
				{"policy.related", "[[nox, other.x]]", "", ""},
			},
		},
		"related no more": {
			func(d *Descriptor) { d.Policy.Related = nil },
			[]FieldChange{{"policy.related", "[[nox, other.x]]", "", AmendRelated}},
		},
		"a new measure that is related": {
			func(d *Descriptor) {
				d.Measures = append(d.Measures, Measure{Name: "o3", Max: 1})
				d.Policy.Related = [][]string{{"nox", "other.x", "o3"}}
			},
			[]FieldChange{{"measures[o3]", "", "0 to 1", ""}, {"policy.related", "[[nox, other.x]]", "[[nox, other.x, o3]]", ""}},
		},
		"measures in another order": {
			func(d *Descriptor) { slices.Reverse(d.Measures) },
			[]FieldChange{{"measures (their order)", "[nox, so2]", "[so2, nox]", ""}},
		},
		"a smaller budget": {
			func(d *Descriptor) { d.Policy.DP.EpsilonPerQuery = "0.05" },
			[]FieldChange{{"policy.dp.epsilon_per_query", "0.1", "0.05", ""}},
		},
		"what is said of the default": {func(d *Descriptor) { d.Policy.Cubes = slices.Clone(d.Policy.Cubes) }, nil},
	} {
		var to Descriptor
		if err := json.Unmarshal(Encode(full()), &to); err != nil {
			t.Fatal(err)
		}
		test.change(&to)
		got := full().Changes(to)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, test.want)
		}
		refused := slices.ContainsFunc(test.want, func(c FieldChange) bool { return c.Why != "" })
		if (AmendRefusal("emissions", got) != nil) != refused {
			t.Errorf("%s: refused is not %t", name, refused)
		}
	}
}

// TestNewRelationsOfMeasuresThatAreThereAreNotAmended, also not by way of a new one.
func TestNewRelationsOfMeasuresThatAreThereAreNotAmended(t *testing.T) {
	to := full()
	to.Measures = append(slices.Clone(to.Measures), Measure{Name: "o3", Max: 1})
	to.Policy.Related = [][]string{{"nox", "other.x", "o3"}, {"o3", "so2"}}
	// The two are related by o3, which the release rule decides on: it knows which of
	// them have settled sources.
	if r := AmendRefusal("emissions", full().Changes(to)); r != nil {
		t.Errorf("refused from the descriptors alone: %v", r)
	}
	to.Policy.Related = [][]string{{"nox", "other.x", "so2"}}
	if r := AmendRefusal("emissions", full().Changes(to)); r == nil || r.Field != "policy.related" {
		t.Errorf("related now: %v", r)
	}
}
