package catalog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirdata/weir/catalog/assignment"
	"github.com/weirdata/weir/catalog/calendar"
	"pgregory.net/rapid"
)

// drawVerdict draws lists as long, and numbers as large, as a verdict's may be, and
// larger.
func drawVerdict(t *rapid.T) Verdict {
	number := rapid.OneOf(rapid.IntRange(-3, 300), rapid.IntRange(0, MaxGroups), rapid.Int())
	bitmap := func() []byte {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bitmap")
		return bytes.TrimRight(b, "\x00")
	}
	v := Verdict{
		Dataset: "d", Version: number.Draw(t, "release"), Columns: []Column{{Measure: "x"}, {Count: true, Weight: "v"}},
		EntityGroups: []EntityGroup{{Values: []string{"ü<&>"}, Of: 3}}, PeriodGroups: []PeriodGroup{{Value: "2024", Intervals: []calendar.Interval{{From: 1, To: 2}}}},
	}
	for range rapid.IntRange(0, 5).Draw(t, "parts") {
		v.Parts = append(v.Parts, Part{Group: number.Draw(t, "group"), Class: number.Draw(t, "class")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "withheld") {
		v.Withheld = append(v.Withheld, GroupIndex{Entity: number.Draw(t, "entity"), Period: number.Draw(t, "period")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "coverage") {
		v.Coverage = append(v.Coverage, Coverage{Included: number.Draw(t, "included"), Of: number.Draw(t, "of"), HeldBack: number.Draw(t, "held back")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "layers") {
		l := Layer{Version: number.Draw(t, "version"), Joined: number.Draw(t, "joined"), Entities: number.Draw(t, "entities"), Absent: bitmap()}
		if len(l.Absent) == 0 {
			l.Absent = nil
		}
		for range rapid.IntRange(0, 4).Draw(t, "exclusions") {
			x := Exclusion{Column: number.Draw(t, "column"), Part: number.Draw(t, "part")}
			if b := bitmap(); len(b) > 0 {
				x.Part, x.Parts = -1, b
			}
			for range rapid.IntRange(0, 3).Draw(t, "intervals") {
				x.Intervals = append(x.Intervals, calendar.Interval{From: rapid.Int64().Draw(t, "from"), To: rapid.Int64().Draw(t, "to")})
			}
			l.Exclusions = append(l.Exclusions, x)
		}
		v.Layers = append(v.Layers, l)
	}
	if len(v.Layers) > 0 {
		v.Assign = assignment.Pack([]int32{0, -1, 2})
	}
	return v
}

func TestAVerdictComesBackFromItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawVerdict(t)
		b := Encode(v)
		plain, err := json.Marshal(v)
		if err != nil || !bytes.Equal(plain, b) {
			t.Fatalf("json.Marshal: %v, %s; Encode: %s", err, plain, b)
		}
		var got Verdict
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(v, got); d != "" {
			t.Fatal(d)
		}
		if got.Digest() != v.Digest() {
			t.Fatal("another digest")
		}
	})
}

// goldenVerdict has something of everything that is packed.
func goldenVerdict() Verdict {
	return Verdict{
		Dataset: "emissions", Version: 3, Columns: []Column{{Measure: "nox"}, {Measure: "so2"}},
		EntityGroups: []EntityGroup{{Values: []string{"a"}, Of: 40}, {Values: []string{"b"}, Of: 7}},
		PeriodGroups: []PeriodGroup{{Value: "2024", Intervals: []calendar.Interval{{From: 648, To: 660}}}, {Value: "2025", Intervals: []calendar.Interval{{From: 660, To: 672}}}},
		Parts:        []Part{{Group: 0, Class: 2}, {Group: 0, Class: 3}, {Group: 1, Class: 7}},
		Assign:       assignment.Pack([]int32{0, 0, 0, 1, -1, 2, 2, 0}),
		Layers: []Layer{
			{Version: 1, Entities: 7, Absent: []byte{4}, Exclusions: []Exclusion{{Column: -1, Part: 0, Intervals: []calendar.Interval{{From: 650, To: 672}}}}},
			{Version: 3, Entities: 8, Exclusions: []Exclusion{
				{Column: 0, Part: -1, Parts: []byte{3}, Intervals: []calendar.Interval{{From: 648, To: 650}, {From: 651, To: 652}}},
				{Column: 1, Part: 2, Intervals: []calendar.Interval{{From: 648, To: 672}}},
			}},
		},
		Withheld: []GroupIndex{{Entity: 1, Period: 0}, {Entity: 1, Period: 1}},
		Coverage: []Coverage{{Included: 38, Of: 40, HeldBack: 1}, {Included: 40, Of: 40}, {Included: 0, Of: 7}, {Included: 7, Of: 7, HeldBack: 7}},
	}
}

// TestTheStoredFormOfAVerdictIsStable pins its bytes: they are stored, and their digest
// stands in the ledger's decisions.
func TestTheStoredFormOfAVerdictIsStable(t *testing.T) {
	want, err := os.ReadFile("testdata/verdict.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := Encode(goldenVerdict()); !bytes.Equal(got, bytes.TrimSpace(want)) {
		t.Errorf("stored as\n%s\nwant\n%s", got, want)
	}
	var v Verdict
	if err := json.Unmarshal(want, &v); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goldenVerdict(), v); d != "" {
		t.Error(d)
	}
}

func TestAVerdictIsReadStrictly(t *testing.T) {
	labels := Verdict{EntityGroups: []EntityGroup{{Values: []string{"a<b"}}}}
	for _, b := range []string{"\n" + strings.ReplaceAll(string(Encode(labels)), ",", ", "), strings.ReplaceAll(string(Encode(labels)), `\u003c`, "<")} {
		var v Verdict
		if err := json.Unmarshal([]byte(b), &v); err != nil || v.Digest() != labels.Digest() {
			t.Errorf("%s: %v", b, err)
		}
	}
	text := string(Encode(goldenVerdict()))
	field := func(name string, change func(b []byte) []byte) string {
		begin := strings.Index(text, `"`+name+`":"`) + len(name) + 4
		end := begin + strings.Index(text[begin:], `"`)
		b, err := base64.StdEncoding.DecodeString(text[begin:end])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return text[:begin] + base64.StdEncoding.EncodeToString(change(b)) + text[end:]
	}
	for name, bad := range map[string]string{
		"a field that is not there": strings.Replace(text, `"withheld"`, `"held"`, 1),
		"a field twice":             strings.Replace(text, `"release":3`, `"release":3,"release":3`, 1),
		"lists as they are":         strings.Replace(text, `"layers":[`, `"layers":[{"release":1,"entities":3,"exclusions":[]},`, 1),
		"a list of numbers":         strings.Replace(text, `"absent":"BA=="`, `"absent":[4]`, 1),
		"spare bits of base64":      strings.Replace(text, `"absent":"BA=="`, `"absent":"BB=="`, 1),
		"an empty member":           strings.Replace(text, `"withheld"`, `"in":"","withheld"`, 1),
		"members in another order":  strings.Replace(text, `"dataset":"emissions","release":3`, `"release":3,"dataset":"emissions"`, 1),
		"an escape":                 strings.Replace(text, `"nox"`, `"\u006eox"`, 1),
		"another format":            field("parts", func(b []byte) []byte { return append([]byte{2}, b[1:]...) }),
		"an empty list":             field("parts", func([]byte) []byte { return []byte{1, 0} }),
		"more elements than bytes":  field("parts", func([]byte) []byte { return []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0} }),
		"an element too few":        field("coverage", func(b []byte) []byte { return b[:len(b)-1] }),
		"an element too many":       field("coverage", func(b []byte) []byte { return append(b, 0, 0, 0) }),
		"a long number":             field("withheld", func([]byte) []byte { return []byte{1, 1, 0x80, 0, 0} }),
		"a number without an end":   field("withheld", func([]byte) []byte { return []byte{1, 1, 0, 0x80} }),
		"a bitmap behind the end":   field("exclusions", func([]byte) []byte { return []byte{1, 1, 0, 1, 9, 1, 0} }),
		"a long bitmap of absence":  field("absent", func(b []byte) []byte { return append(b, 0) }),
	} {
		var v Verdict
		if err := json.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s: read as %+v", name, v)
		}
	}
}

// FuzzVerdictJSON: whatever is read has one form only.
func FuzzVerdictJSON(f *testing.F) {
	golden, err := os.ReadFile("testdata/verdict.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSpace(golden))
	f.Add(Encode(Verdict{Dataset: "d", Coverage: []Coverage{{Included: 1 << 40, Of: -1}}}))
	f.Add([]byte(`{"dataset":"d","release":1,"columns":null,"entity_groups":null,"period_groups":null,"parts":"Af8P"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v Verdict
		if json.Unmarshal(b, &v) != nil {
			return
		}
		again := Encode(v)
		var w Verdict
		if err := json.Unmarshal(again, &w); err != nil {
			t.Fatalf("%s was read, and its form %s is not: %v", b, again, err)
		}
		if !bytes.Equal(Encode(w), again) {
			t.Fatalf("%s has the forms %s and %s", b, again, Encode(w))
		}
	})
}

// FuzzUnpack reads packed lists of each kind.
func FuzzUnpack(f *testing.F) {
	v := goldenVerdict()
	f.Add(packParts(v.Parts))
	f.Add(packWithheld(v.Withheld))
	f.Add(packCoverage(v.Coverage))
	f.Add(packExclusions(v.Layers[1].Exclusions))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		read(t, b, readPart, packParts)
		read(t, b, readWithheld, packWithheld)
		read(t, b, readCoverage, packCoverage)
		read(t, b, readExclusion, packExclusions)
	})
}

func read[T any](t *testing.T, b []byte, one func(*packReader, T) T, pack func([]T) []byte) {
	t.Helper()
	if list, err := unpack(b, one, pack); err == nil && !bytes.Equal(pack(list), b) {
		t.Fatalf("%x is not what %v is packed to", b, list)
	}
}
