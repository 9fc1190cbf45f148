package catalog

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestReasonsAreMadePrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got := cleanReason(rapid.String().Draw(t, "a") + strings.Repeat(rapid.SampledFrom([]string{"x", "排"}).Draw(t, "b"), rapid.IntRange(0, 1200).Draw(t, "n")))
		if got == "" || !isText(got, maxText) || !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}
	})
	if got := cleanReason("a\x1b[31m\nb"); got != "a [31m b" {
		t.Fatalf("%q", got)
	}
}

func TestNamesAndLabels(t *testing.T) {
	for _, s := range []string{"a", "a_1", strings.Repeat("a", maxName)} {
		if !isName(s) || !isLabel(s) {
			t.Errorf("%q is no name", s)
		}
	}
	for _, s := range []string{"", "_a", "A", "a/b", "a b", "é", strings.Repeat("a", maxName+1)} {
		if isName(s) || isLabel(s) {
			t.Errorf("%q is a name", s)
		}
	}
	if isName("1a") || isName("a-b") || !isLabel("1a-b.c") || isLabel("-a") {
		t.Error("names and labels differ by dash, dot and first digit")
	}
}

func TestListsInMessagesAreCut(t *testing.T) {
	list := strings.Split("a b c d e f g h i j", " ")
	if got := quoteList(list); got != "a, b, c, d, e, f, g, h and 2 more" {
		t.Fatal(got)
	}
	if got := quoteList(list[:2]); got != "a, b" {
		t.Fatal(got)
	}
}

func TestRefusalReadsAsOneSentence(t *testing.T) {
	r := invalid("x", "too %s", "long")
	if r.Error() != "too long" || r.withFix("cut it").Error() != "too long; cut it" {
		t.Fatal(r)
	}
}

func TestDigestText(t *testing.T) {
	d := Sum([]byte("x"))
	var back struct{ D Digest }
	b, err := json.Marshal(struct{ D Digest }{d})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil || back.D != d {
		t.Fatal(err, back)
	}
	for _, s := range []string{"", "00", strings.ToUpper(d.String()), strings.Repeat("g", 64), d.String() + "0"} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
		if err := json.Unmarshal([]byte(`{"D":"`+s+`"}`), &back); err == nil {
			t.Errorf("%q is unmarshalled", s)
		}
	}
}

// TestWhatIsNotThereIsNotFound asks an empty state for everything.
func TestWhatIsNotThereIsNotFound(t *testing.T) {
	v := NewMachine().View(NewMemory())
	missing := map[string]error{}
	_, missing["Cluster"] = v.Cluster()
	_, missing["Node"] = v.Node("x")
	_, missing["Principal"] = v.Principal("x")
	_, missing["PrincipalByName"] = v.PrincipalByName("x")
	_, missing["Registry"] = v.Registry("x")
	_, missing["Table"] = v.Table("x", 0)
	_, missing["Rows"] = v.Rows("x", 0, 1)
	_, missing["Dataset"] = v.Dataset("x")
	_, missing["Version"] = v.Version("x", 1)
	_, missing["Counts"] = v.Counts("x", 1, "m", 0)
	_, missing["Key"] = v.Key("x")
	_, missing["KeyOf"] = v.KeyOf("x")
	_, missing["Order"] = v.Order("x")
	_, missing["Contract"] = v.Contract("x")
	_, missing["Query"] = v.Query("x")
	_, missing["Verdict"] = v.Verdict("x")
	_, missing["Shares"] = v.Shares("x")
	_, _, missing["Judge"] = v.Judge("x", QuerySubmit{})
	for name, err := range missing {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := ready(t)
	if n := must[Node](t)(w.view().Node("node2")); n.Point != 2 {
		t.Fatalf("node %+v", n)
	}
	if _, err := w.view().Node("node9"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := w.view().Counts("emissions", 2, "nox", 0); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

// TestFaultsOfTheStoreReachTheReader lets every access of every getter fail.
func TestFaultsOfTheStoreReachTheReader(t *testing.T) {
	w := ready(t)
	id := w.ok("bureau", KindQuerySubmit, submit("", sumBy())).ID
	getters := map[string]func(View) error{
		"Cluster":         func(v View) error { _, err := v.Cluster(); return err },
		"Principals":      func(v View) error { _, err := v.Principals(); return err },
		"PrincipalByName": func(v View) error { _, err := v.PrincipalByName("bank"); return err },
		"Table":           func(v View) error { _, err := v.Table("enterprises", 3); return err },
		"Rows":            func(v View) error { _, err := v.Rows("enterprises", 0, 3); return err },
		"Counts":          func(v View) error { _, err := v.Counts("emissions", 1, "nox", month("2024-01")); return err },
		"KeyOf":           func(v View) error { _, err := v.KeyOf(testID("bureau")); return err },
		"Shares":          func(v View) error { _, err := v.Shares(id); return err },
		"Queries":         func(v View) error { _, err := v.Queries(""); return err },
		"PendingKeys":     func(v View) error { _, err := v.PendingKeys(); return err },
		"PendingVersions": func(v View) error { _, err := v.PendingVersions(); return err },
		"PendingQueries":  func(v View) error { _, err := v.PendingQueries(); return err },
		"Unacked":         func(v View) error { _, err := v.Unacked("node1"); return err },
		"Judge": func(v View) error {
			_, refusal, err := v.Judge(testID("bureau"), submit("", sumBy()))
			if refusal != nil {
				t.Errorf("a fault became the refusal %v", refusal)
			}
			return err
		},
	}
	for name, get := range getters {
		for calls := 0; ; calls++ {
			err := get(NewMachine().View(&faultyTx{Memory: w.store.Clone(), left: calls}))
			if err == nil {
				if calls == 0 {
					t.Errorf("%s reads nothing", name)
				}
				break
			}
			if !errors.Is(err, errFault) {
				t.Fatalf("%s, call %d: %v", name, calls, err)
			}
		}
	}
}
