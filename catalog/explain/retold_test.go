package explain

import (
	"testing"

	"github.com/weirdata/weir/catalog"
)

// What English says of a code is retold as Chinese says of it, whatever the arguments.
func TestSentencesAreRetold(t *testing.T) {
	all := forms()
	if len(all) < 200 {
		t.Fatalf("%d sentences have words of their own", len(all))
	}
	for _, f := range all {
		r := catalog.Reason{Code: f.code, Args: []string{"11", "12", "13", "14", "15", "16", "17", "18", "19"}}
		if got, want := Chinese.Retold(English.Reason(r)), Chinese.Reason(r); got != want {
			t.Errorf("%s: %q is retold as\n%s\nwant\n%s", f.code, English.Reason(r), got, want)
		}
	}
	for _, r := range []catalog.Reason{
		catalog.Why("order.state", "o-1", catalog.OrderApproved),
		catalog.Why("canary.stuck", "10m0s", []string{"n1", "n2"}),
		catalog.Why("dataset.no_measure", "pm", []string{"a", "b"}),
		catalog.Why("contract.none_covers", "air").With(catalog.Why("contract.is_revoked", "c-1")),
	} {
		if got, want := Chinese.Retold(English.Reason(r)), Chinese.Reason(r); got != want {
			t.Errorf("%q is retold as %q, want %q", English.Reason(r), got, want)
		}
		if got := English.Retold(English.Reason(r)); got != English.Reason(r) {
			t.Errorf("English retells %q", got)
		}
	}
	if rare := "nobody says this"; Chinese.Retold(rare) != rare {
		t.Error("what is no code's is changed")
	}
}
