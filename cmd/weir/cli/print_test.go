package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/weirdata/weir/catalog/shown"
)

// hostile turns the line, clears the screen and hides a letter and a tag.
const hostile = "a\u202eb\u2066c\x1b[2Jd\u200be\U000e0041f\u009bg"

// hostileShown is what a person sees of it.
const hostileShown = `a\u202eb\u2066c\x1b[2Jd\u200be\U000e0041f\u009bg`

// JSON keeps the strings: a program that reads it gets what was written.
func TestJSONKeepsHiddenCharactersAsEscapes(t *testing.T) {
	var out bytes.Buffer
	a := &App{Stdout: &out, Output: JSON}
	if err := a.PrintJSON(map[string]string{"purpose": hostile}); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["purpose"] != hostile {
		t.Errorf("%v: %q from %s", err, got["purpose"], out.String())
	}
	if shown := shown.Text(hostile); shown != hostileShown {
		t.Errorf("shown as %s", shown)
	}
}
