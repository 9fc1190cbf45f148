package catalog

import (
	"encoding/json"
	"strings"
	"testing"
)

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
